/**
 * Performs one request of a driver's table against one target: the only door through which the agent talks to
 * devices. Gives the answer undecoded, or a coded failure; never throws, never retries, never follows where
 * a device points.
 */
import type { Request } from "../drivers/driver.js";
import { askCgminer } from "./cgminer.js";
import { askCommand } from "./command.js";
import { askFramed } from "./framed.js";
import { askHttp } from "./http.js";
import { askModbus } from "./modbus.js";
import { askNvml } from "./nvml.js";
import { askSnmp } from "./snmp.js";
import type { Asked, PollContext, Target } from "./transport.js";

export function ask(request: Request, target: Target, context: PollContext): Promise<Asked> {
	switch (request.over) {
		case "cgminer":
			return askCgminer(request, target, context);
		case "http":
			return askHttp(request, target, context);
		case "framed":
			return askFramed(request, target, context);
		case "command":
			return askCommand(request, target, context);
		case "snmp":
			return askSnmp(request, target, context);
		case "modbus":
			return askModbus(request, target, context);
		case "nvml":
			return askNvml(request, target, context);
	}
}
