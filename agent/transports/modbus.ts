/**
 * Modbus TCP, reads only: functions 3 (holding registers) and 4 (input registers), the ones that a driver's table
 * names. Gives one JSON text, 16-bit words by register address; never writes. modbus-serial is loaded by the first
 * question; the connection is our own, with its limits.
 */
import { type Failure, failure } from "../../shared/failures.js";
import { atEnd, failureOf as connectionFailure, openSocket, timeoutFailure } from "./connection.js";
import { oneLine } from "./text.js";
import {
	type Asked,
	endpointOf,
	type PollContext,
	type RequestOver,
	refuse,
	type Target,
} from "./transport.js";

/** A frame holds 125 registers at most. */
const REGISTERS_MOST = 125;
const READS_MOST = 64;
const UNIT = 1;

export async function askModbus(
	request: RequestOver<"modbus">,
	target: Target,
	context: PollContext,
): Promise<Asked> {
	const opened = await openSocket(target, context);
	if (!opened.ok) return opened;
	const ModbusRTU = (await import("modbus-serial")).default.default;
	const client = new ModbusRTU();
	const { socket } = opened;
	const words: Record<string, number> = {};
	const asked = await new Promise<Asked>((resolve) => {
		const stop = atEnd(context, () => finish({ ok: false, failure: timeoutFailure(target, context) }));
		const finish = (result: Asked) => {
			stop();
			resolve(result);
		};
		socket.once("close", () =>
			finish(refuse("DEVICE_CONNECTION_RESET", `${endpointOf(target)} closed the connection.`)),
		);
		socket.once("error", (error) => finish({ ok: false, failure: connectionFailure(error, target) }));
		client.setTimeout(Math.max(1, Math.ceil(context.endsAt - context.clock.monotonic())));
		client.setID(target.unit ?? UNIT);
		client
			.linkTCP(socket, { port: target.port })
			.then(async () => {
				for (const { address, count } of request.reads.slice(0, READS_MOST)) {
					const length = Math.min(count, REGISTERS_MOST);
					const { data } =
						request.registers === "input"
							? await client.readInputRegisters(address, length)
							: await client.readHoldingRegisters(address, length);
					for (const [place, word] of data.entries()) words[address + place] = word;
				}
				const text = JSON.stringify(words);
				finish({ ok: true, answer: { text }, receivedAt: context.clock.monotonic() });
			})
			.catch((error: unknown) => finish({ ok: false, failure: failureOf(error, target) }));
	});
	socket.removeAllListeners("close");
	socket.destroy();
	return asked;
}

const EXCEPTIONS: Readonly<Record<number, string>> = {
	1: "illegal function",
	2: "illegal data address",
	3: "illegal data value",
	4: "device failure",
	5: "acknowledge",
	6: "device busy",
	10: "gateway path unavailable",
	11: "gateway target does not answer",
};

function failureOf(error: unknown, target: Target): Failure {
	const at = endpointOf(target);
	const { message } =
		error instanceof Error ? error : { message: String((error as { message?: unknown })?.message ?? error) };
	const code = (error as { modbusCode?: unknown } | null)?.modbusCode;
	if (typeof code === "number")
		return failure(
			"DEVICE_REQUEST_REFUSED",
			`${at} gave Modbus exception ${code}, ${EXCEPTIONS[code] ?? "unknown"}.`,
		);
	if (/timed out/i.test(message)) return failure("DEVICE_TIMEOUT", `${at} did not answer in time.`);
	return failure("DEVICE_ANSWER_MALFORMED", `${at}: ${oneLine(message)}.`);
}
