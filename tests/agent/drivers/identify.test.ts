import { describe, expect, it } from "vitest";
import type { Answers } from "../../../agent/drivers/driver.js";
import { identify } from "../../../agent/drivers/identify.js";

const version = (record: object, description = "cgminer 1.0.0") => ({
	version: {
		text: JSON.stringify({
			STATUS: [{ STATUS: "S", Code: 22, Description: description }],
			VERSION: [record],
		}),
	},
});
const devdetails = (driver: string) => ({
	devdetails: { text: JSON.stringify({ DEVDETAILS: [{ Name: "SM", Driver: driver }] }) },
});
const web = (text: string, headers: Readonly<Record<string, string>> = {}, status = 200) => ({
	web: { text, headers, status },
});
const restApi = { braiinsApi: { text: '{"major":1,"minor":0,"patch":0}', status: 200 } };
const digest = { "www-authenticate": 'Digest realm="antMiner Configuration", qop="auth"' };

const KNOWN: readonly (readonly [string, Answers, string])[] = [
	["an S19's version", version({ Type: "Antminer S19" }), "antminer"],
	["a stock login page", web("", digest, 401), "antminer"],
	["BOSminer+", version({ "BOSminer+": "0.2.0" }, "BOSminer+ 0.2.0"), "braiins-rpc"],
	["BOSer without the REST API", version({ BOSer: "boser 0.1.0" }, "BOSer boser 0.1.0"), "braiins-graphql"],
	["BOSer with the REST API", { ...version({ BOSer: "x" }, "BOSer x"), ...restApi }, "braiins-rest"],
	["a btminer", version({}, "btminer"), "whatsminer"],
	[
		"a refusal by whatsminer v1.1",
		{ version: { text: '{"STATUS":"E","Code":14,"Msg":"invalid cmd","Description":"whatsminer v1.1"}' } },
		"whatsminer",
	],
	["a bitmicro of 2019", { ...version({ CGMiner: "4.9.2" }), ...devdetails("bitmicro") }, "whatsminer"],
	[
		"an answer on 4433",
		{ deviceInfo: { text: '{"code":0,"desc":"get.device.info","msg":{}}' } },
		"whatsminer-v3",
	],
	["an AvalonMiner", version({ PROD: "AvalonMiner 1246" }), "avalon"],
	["an Avalon Q", version({ PROD: "Avalon Q" }), "avalon-home"],
	[
		"an Avalon that answers in text",
		{ version: { text: "STATUS=S,Code=22|VERSION,PROD=AvalonMiner 10xx|" } },
		"avalon-text",
	],
	[
		"a controller of 741s",
		{ stats: { text: '{"STATS":[{"ID":"AV70","MM ID1":"Ver[7411706]"}]}' } },
		"avalon",
	],
	["LuxOS", version({ Type: "Antminer S19k Pro", LUXminer: "2025.4.8" }, "LUXminer 2025.4.8"), "luxos"],
	["VNish on an S9", version({ Type: "Antminer S9 (vnish 3.8.6)" }), "vnish"],
	[
		"VNish on an S21, seen in stats only",
		{ stats: { text: '{"STATS":[{"Type":"Antminer S21 Pro (Vnish 1.2.7)"}]}' } },
		"vnish",
	],
	[
		"VNish by its page",
		{ ...version({ Type: "Antminer S19" }), ...web("<title>AnthillOS</title>") },
		"vnish",
	],
	["Hiveon", version({ Type: "Antminer S9 Hiveon", BMMiner: "2.0.0 rwglr" }), "hiveon"],
	["MSK", version({ Type: "S19-88 v.2.6.0.39 ", BMMiner: "4.11.1 rwglr" }), "msk"],
	["asicseer", version({ Type: "Antminer S9", BMMiner: "2.4.0-asicseer-1.1.9" }), "antminer-custom"],
	["Blissz", version({ Type: "Antminer D3 Blissz v2.06" }), "antminer-custom"],
	["chipless", version({ Type: "Antminer Z11", CompileTime: "2020 (Chipless v3.0)" }), "antminer-custom"],
	[
		"MARA behind the stock page",
		{ ...web("", digest, 401), maraBrief: { text: '{"hashrate_realtime":12}', status: 200 } },
		"mara",
	],
	["a bdminer", version({ BDMiner: "4.11.1" }, "bdminer 4.11.1"), "sealminer"],
	["a GCMiner", version({ GCMiner: "0.5" }, "GCMiner-0.5"), "auradine"],
	["an ePIC on 4028", { epicSummary: { text: '{"HBs":[],"Software":"PowerPlay"}', status: 200 } }, "epic"],
	[
		"a Proto Rig",
		{ protoSystem: { text: '{"system-info":{"product_name":"Proto Rig"}}', status: 200 } },
		"proto",
	],
	["AxeOS", { axeInfo: { text: '{"ASICModel":"BM1370"}', status: 200 } }, "bitaxe"],
	[
		"dcgm-exporter",
		{ dcgm: { text: '# TYPE\nDCGM_FI_DEV_GPU_TEMP{gpu="0"} 31', status: 200 } },
		"dcgm-exporter",
	],
];

const FOREIGN: readonly (readonly [string, Answers])[] = [
	["a router", web("<title>Router</title>")],
	["silence", {}],
];

describe("a device is known by its answers", () => {
	it.each(KNOWN)("%s", (_, answers, driver) => {
		expect(identify(answers)?.name).toBe(driver);
	});

	it.each(FOREIGN)("stays unknown: %s", (_, answers) => {
		expect(identify(answers)).toBeUndefined();
	});
});
