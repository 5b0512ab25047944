/**
 * Every driver, in the order in which an unknown device is compared with them: the narrower before the
 * wider, other firmwares on a maker's hardware before the maker's own.
 */
import { amdSmi, amdSmiText } from "./amd.js";
import { antminer } from "./antminer.js";
import { antminerCustom, braiinsBmminer, hiveon, msk } from "./antminer-custom.js";
import { auradine, auradineWeb } from "./auradine.js";
import { avalon, avalonHome, avalonText } from "./avalon.js";
import { baikal } from "./baikal.js";
import { bitaxe } from "./bitaxe.js";
import { bitfury } from "./bitfury.js";
import { blackminer, hammer, volcminer } from "./blackminer.js";
import { braiinsGraphql, braiinsRest, braiinsRpc } from "./braiins.js";
import { cgminerOther } from "./cgminer-other.js";
import { dayun } from "./dayun.js";
import { type AnswerFormat, type Driver, isOverNetwork, type NetworkRequest } from "./driver.js";
import { ebang } from "./ebang.js";
import { elphapex } from "./elphapex.js";
import { epic } from "./epic.js";
import { fluminer } from "./fluminer.js";
import { futurebit } from "./futurebit.js";
import { gaudi, gaudiExporter } from "./gaudi.js";
import { goldshell, goldshellRpc } from "./goldshell.js";
import { allSmi, nvidiaGpuExporter, rocmExporter } from "./gpu-exporters.js";
import { lolMiner, teamRedMiner, trex, xmrig } from "./gpu-miners.js";
import { ibelink } from "./ibelink.js";
import { iceriver } from "./iceriver.js";
import { inference } from "./inference.js";
import { honorKnight, innosilicon, innosiliconRpc } from "./innosilicon.js";
import { intelXpu, intelXpuText } from "./intel.js";
import { jasminer } from "./jasminer.js";
import { LOCAL_HOSTS } from "./local-hosts.js";
import { luxos } from "./luxos.js";
import { mara } from "./mara.js";
import { METERS } from "./meters.js";
import { minerva } from "./minerva.js";
import { multminer } from "./multminer.js";
import { dcgmExporter, nvidiaSmi, nvidiaSmiXml } from "./nvidia.js";
import { nvidia } from "./nvidia-library.js";
import { nvidiaSmiShown, nvidiaSmiText } from "./nvidia-text.js";
import { obelisk } from "./obelisk.js";
import { proto } from "./proto.js";
import { redfish } from "./redfish.js";
import { rocmSmi, rocmSmiCsv, rocmSmiText } from "./rocm-smi.js";
import { sealminer } from "./sealminer.js";
import { spondoolies } from "./spondoolies.js";
import { strongu } from "./strongu.js";
import { vnish } from "./vnish.js";
import { whatsminer, whatsminerFramed } from "./whatsminer.js";

export const DRIVERS: readonly Driver[] = [
	braiinsRest,
	braiinsGraphql,
	braiinsRpc,
	braiinsBmminer,
	whatsminerFramed,
	whatsminer,
	luxos,
	vnish,
	hiveon,
	mara,
	msk,
	sealminer,
	auradine,
	auradineWeb,
	avalonHome,
	avalonText,
	avalon,
	epic,
	proto,
	antminerCustom,
	volcminer,
	hammer,
	blackminer,
	honorKnight,
	innosiliconRpc,
	goldshellRpc,
	spondoolies,
	dayun,
	minerva,
	ibelink,
	strongu,
	baikal,
	antminer,
	elphapex,
	goldshell,
	iceriver,
	fluminer,
	innosilicon,
	ebang,
	obelisk,
	jasminer,
	futurebit,
	bitfury,
	multminer,
	bitaxe,
	dcgmExporter,
	nvidiaGpuExporter,
	rocmExporter,
	gaudiExporter,
	allSmi,
	inference,
	trex,
	lolMiner,
	teamRedMiner,
	xmrig,
	nvidiaSmi,
	nvidiaSmiXml,
	amdSmi,
	amdSmiText,
	rocmSmi,
	rocmSmiText,
	rocmSmiCsv,
	nvidiaSmiText,
	nvidiaSmiShown,
	intelXpu,
	intelXpuText,
	gaudi,
	nvidia,
	...LOCAL_HOSTS,
	...METERS,
	redfish,
	cgminerOther,
];

const byName = new Map(DRIVERS.map((driver) => [driver.name, driver]));

export function driverByName(name: string): Driver | undefined {
	return byName.get(name);
}

/** The formats that these targets may answer in: a driver that is found by asking speaks over the network. */
export function formatsHeard(targets: readonly { readonly driver?: string }[]): ReadonlySet<AnswerFormat> {
	const named = new Set(targets.map(({ driver }) => driver));
	const isAnyUnnamed = named.has(undefined);
	const requests = DRIVERS.flatMap((driver) =>
		Object.values(driver.requests).filter(
			(request) => named.has(driver.name) || (isAnyUnnamed && isOverNetwork(request)),
		),
	);
	return new Set(requests.map(({ format }) => format));
}

const PORTS = { cgminer: 4028, http: 80, framed: 4433, snmp: 161, modbus: 502 } as const satisfies Record<
	NetworkRequest["over"],
	number
>;

/** The ports a driver's requests go to, its main one first; none for what is on the agent's own host. */
export function defaultPorts(driver: Driver): readonly number[] {
	const ports = Object.values(driver.requests).flatMap((request) =>
		isOverNetwork(request) ? [request.port ?? PORTS[request.over]] : [],
	);
	return [...new Set(ports)];
}
