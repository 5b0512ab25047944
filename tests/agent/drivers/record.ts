/** How a recorded answer is written down: what gave it, and its text as sent, or a structure to be sent as JSON. */
import type { RecordedAnswer } from "../../../agent/drivers/recording.js";

export const rpc = (
	command: string,
	answer: unknown,
	asked = `{"command":"${command}"}`,
): RecordedAnswer => ({
	file: `${command}.json`,
	over: "cgminer",
	port: 4028,
	request: asked,
	text: typeof answer === "string" ? answer : JSON.stringify(answer),
});
export const web = (request: string, answer: unknown, port = 80): RecordedAnswer => ({
	file: `${request.replaceAll(/\W+/g, "-")}.json`,
	over: "http",
	port,
	request,
	text: typeof answer === "string" ? answer : JSON.stringify(answer),
});
export const ran = (request: string, text: string): RecordedAnswer => ({
	file: `${request.replaceAll(/\W+/g, "-")}.txt`,
	over: "command",
	request,
	text,
});
export const framed = (request: string, answer: unknown): RecordedAnswer => ({
	file: `${request.replaceAll(/\W+/g, "-")}.json`,
	over: "framed",
	port: 4433,
	request,
	text: JSON.stringify(answer),
});
export const told = (name: string, list: readonly object[], description: string) => ({
	STATUS: [{ STATUS: "S", When: 1_700_000_000, Code: 1, Msg: name, Description: description }],
	[name]: list,
	id: 1,
});
