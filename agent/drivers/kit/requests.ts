/** Requests that many families ask alike: JSON over the cgminer protocol, JSON pages. Data only. */
import { SLOW_FACTS_SECONDS } from "../driver.js";

export const rpc = (command: string) =>
	({ over: "cgminer", port: 4028, send: `{"command":"${command}"}`, format: "json" }) as const;

export const optionalRpc = (command: string) => ({ ...rpc(command), optional: true }) as const;

export const slowRpc = (command: string) =>
	({ ...optionalRpc(command), everySeconds: SLOW_FACTS_SECONDS }) as const;

export const rareRpc = (command: string) => ({ ...optionalRpc(command), rarely: true }) as const;

/** A page of the web interface that Bitmain began and others took over. */
export const cgi = (page: string) =>
	({ over: "http", port: 80, path: `/cgi-bin/${page}.cgi`, login: "digest", format: "json" }) as const;

export const optionalCgi = (page: string) => ({ ...cgi(page), optional: true }) as const;
