/**
 * A three-phase meter of Shelly at the site's feeder: HTTP, RPC status and device information, read only. Takes what
 * it measures, gives its answers; watts of all phases together, energy in watt-hours.
 */
import { fixed } from "../cgminer-protocol.js";
import {
	type HttpRequest,
	type HttpResponse,
	jsonResponse,
	METHOD_NOT_ALLOWED,
	NOT_FOUND,
} from "../http-protocol.js";

export type MeterView = {
	readonly mac: string;
	readonly watts: number;
	readonly joules: number;
	readonly uptimeSeconds: number;
};

export const SHELLY_SERVER = "ShellyHTTP/1.0.0";
const JOULES_PER_WATT_HOUR = 3_600;
const PHASE_VOLTS = 277;

export function shellyRespond({ method, path }: HttpRequest, view: MeterView): HttpResponse {
	const page = Object.hasOwn(PAGES, path) ? PAGES[path] : undefined;
	if (page === undefined) return NOT_FOUND;
	return method === "GET" ? jsonResponse(page(view)) : METHOD_NOT_ALLOWED;
}

const PAGES: Readonly<Record<string, (view: MeterView) => unknown>> = {
	"/rpc/Shelly.GetStatus": ({ watts, joules, uptimeSeconds }) => ({
		"em:0": {
			id: 0,
			a_voltage: PHASE_VOLTS,
			total_current: fixed(watts / PHASE_VOLTS, 3),
			total_act_power: fixed(watts, 3),
		},
		"emdata:0": { id: 0, total_act: fixed(joules / JOULES_PER_WATT_HOUR, 2), total_act_ret: 0 },
		sys: { uptime: Math.floor(uptimeSeconds) },
	}),
	"/rpc/Shelly.GetDeviceInfo": ({ mac }) => ({
		id: `shellypro3em-${mac.replaceAll(":", "").toLowerCase()}`,
		mac: mac.replaceAll(":", "").toUpperCase(),
		model: "SPEM-003CEBEU400",
		gen: 2,
		ver: "1.4.4",
		app: "Pro3EM",
	}),
};
