/** The smaller makers are told apart, by live probes and by what a record holds. */
import { describe, expect, it } from "vitest";
import type { Answers } from "../../../agent/drivers/driver.js";
import { identify, recognisedBy } from "../../../agent/drivers/identify.js";

const version = (record: object, description = "cgminer 1.0.0") => ({
	version: {
		text: JSON.stringify({ STATUS: [{ STATUS: "S", Description: description }], VERSION: [record] }),
	},
});
const realm = (name: string) => ({
	web: { text: "", headers: { "www-authenticate": `Digest realm="${name}"` }, status: 401 },
});

const LIVE: readonly (readonly [string, Answers, string])[] = [
	["a Blackminer's version", version({ Type: "Blackminer F1-MINI" }, "ccminer 2.3.3"), "blackminer"],
	["a Hammer's version", version({ Type: "Hammer D10" }, "ccminer 2.3.3"), "hammer"],
	["a VolcMiner's version", version({ Type: "VolcMiner D1" }, "ccminer 2.3.3"), "volcminer"],
	["the realm of all three, where none says its make", realm("blackMiner Configuration"), "blackminer"],
	["a StrongU by its boards", { devs: { text: '{"DEVS":[{"ASC":0,"Name":"u6"}]}' } }, "strongu"],
	["a Baikal by its boards", { devs: { text: '{"DEVS":[{"ASC":0,"Name":"BKLU"}]}' } }, "baikal"],
	["an iBeLink by its boards", { devs: { text: '{"DEVS":[{"PGA":0,"Name":"BM-K1"}]}' } }, "ibelink"],
	["a MinerVa by its summary", { summary: { text: '{"SUMMARY":[{"Netid":"1CC0E1000001"}]}' } }, "minerva"],
	["a Goldshell's bfgminer", version({}, "bfgminer INTCHAINS_QOMO"), "goldshell-rpc"],
	["an Innosilicon", version({}, "innominer 4.9"), "innosilicon-rpc"],
	["an Innosilicon's page", { web: { text: "<title>DragonMint</title>", status: 200 } }, "innosilicon"],
	["an IceRiver's page", { web: { text: "<TITLE>用户界面</TITLE>", status: 200 } }, "iceriver"],
	["a Goldshell's page", { web: { text: "<title>cloud-box</title>", status: 200 } }, "goldshell"],
	["a cgminer of no known make", version({ CGMiner: "4.11.1" }, "cgminer 4.11.1"), "cgminer-other"],
	["an Elphapex login", realm("Daoge Configuration"), "elphapex"],
];

describe("a device of a smaller maker is known by its answers", () => {
	it.each(LIVE)("%s", (_, answers, driver) => {
		expect(identify(answers)?.name).toBe(driver);
	});
});

const RECORDED: readonly (readonly [string, string, string, string])[] = [
	["an IceRiver", "/user/userpanel?post=4", '{"data":{"rtpow":"1G"}}', "iceriver"],
	["a MultMiner", "/gst.csp", '{"bd":[{"tphr":[0]}]}', "multminer"],
	["a Bitfury", "/api/om/miner/stat/agg", '{"fansRpm":[]}', "bitfury"],
	["an Ebang", "/Cgminer/CgminerStatus", '{"feedback":{"fivesecfigure":"1T"}}', "ebang"],
	["a Goldshell", "/mcb/cgminer?cgminercmd=devs", '{"data":[{"minerstatus":0}]}', "goldshell"],
	["an Elphapex", "/cgi-bin/get_system_info.cgi", '{"minertype":"DG-Home1"}', "elphapex"],
];

describe("a record of a device is known without a probe", () => {
	it.each(RECORDED)("%s", (_, path, text, driver) => {
		const request = { over: "http", path, format: "text" } as const;
		expect(recognisedBy([{ request, answer: { text } }])[0]?.name).toBe(driver);
	});
});
