/**
 * SNMP, reads only: GET and walks (GETNEXT, GETBULK) of the objects that a driver's table names. Gives one JSON
 * text, values by object identifier; never sends a SET: none is made here. net-snmp is loaded by the first
 * question, so that an agent without such meters does not carry it.
 *
 * A login whose user is "community" is a community of version 2c ("public" where none is configured); any other
 * user is one of version 3, with SHA and AES, the password serving both.
 */
import type { Session, Varbind } from "net-snmp";
import { type Failure, failure } from "../../shared/failures.js";
import { atEnd, timeoutFailure } from "./connection.js";
import { oneLine } from "./text.js";
import {
	ANSWER_BYTES_MAX,
	type Asked,
	endpointOf,
	type PollContext,
	type RequestOver,
	refuse,
	type Target,
} from "./transport.js";

type Library = typeof import("net-snmp");
type Values = Record<string, number | string>;

/** Datagrams get lost: each question is sent so often. */
const TRIES = 3;
const TRY_MILLISECONDS = 900;
const VARBINDS_MOST = 4_096;
const VARBINDS_PER_DATAGRAM = 20;
const COMMUNITY = "community";

export async function askSnmp(
	request: RequestOver<"snmp">,
	target: Target,
	context: PollContext,
): Promise<Asked> {
	if (!context.allowed.allows(target.host))
		return refuse("DEVICE_ADDRESS_NOT_ALLOWED", `${endpointOf(target)} lies outside the configured ranges.`);
	const snmp = (await import("net-snmp")).default as unknown as Library;
	const session = sessionOf(snmp, target);
	const values: Values = {};
	return new Promise((resolve) => {
		const finish = (asked: Asked) => {
			stop();
			session.close();
			resolve(asked);
		};
		const stop = atEnd(context, () => finish({ ok: false, failure: timeoutFailure(target, context) }));
		session.on("error", (error: Error) => finish({ ok: false, failure: failureOf(error, target) }));
		readAll({ snmp, session, request, values })
			.then((failed) => {
				if (failed !== undefined) return finish({ ok: false, failure: failureOf(failed, target) });
				const text = JSON.stringify(values);
				if (text.length > ANSWER_BYTES_MAX)
					return finish(
						refuse(
							"DEVICE_ANSWER_TOO_LARGE",
							`${endpointOf(target)} sent more than ${ANSWER_BYTES_MAX} bytes.`,
						),
					);
				finish({ ok: true, answer: { text }, receivedAt: context.clock.monotonic() });
			})
			.catch((error: unknown) => finish({ ok: false, failure: failureOf(error, target) }));
	});
}

function sessionOf(snmp: Library, { host, port, credentials }: Target): Session {
	const transport = host.includes(":") ? ("udp6" as const) : ("udp4" as const);
	const options = { port, transport, timeout: TRY_MILLISECONDS, retries: TRIES - 1, backoff: 1 };
	if (credentials === undefined || credentials.user === COMMUNITY)
		return snmp.createSession(host, credentials?.password ?? "public", {
			...options,
			version: snmp.Version2c,
		});
	const { user: name, password } = credentials;
	const user = {
		name,
		level: snmp.SecurityLevel.authPriv,
		authProtocol: snmp.AuthProtocols.sha,
		authKey: password,
		privProtocol: snmp.PrivProtocols.aes,
		privKey: password,
	};
	return snmp.createV3Session(host, user, { ...options, version: snmp.Version3 });
}

type Reading = {
	readonly snmp: Library;
	readonly session: Session;
	readonly request: RequestOver<"snmp">;
	readonly values: Values;
};

async function readAll(reading: Reading): Promise<unknown> {
	const { get = [], walk = [] } = reading.request;
	for (let from = 0; from < get.length; from += VARBINDS_PER_DATAGRAM) {
		const failed = await getSome(reading, get.slice(from, from + VARBINDS_PER_DATAGRAM));
		if (failed !== null) return failed;
	}
	for (const root of walk) {
		const failed = await walkOne(reading, root);
		if (failed !== null) return failed;
	}
	return undefined;
}

function getSome({ snmp, session, values }: Reading, oids: readonly string[]): Promise<unknown> {
	return new Promise((resolve) => {
		session.get([...oids], (error, varbinds) => {
			if (error !== null) return resolve(error);
			for (const varbind of varbinds ?? []) note(snmp, values, varbind);
			resolve(null);
		});
	});
}

function walkOne({ snmp, session, values }: Reading, root: string): Promise<unknown> {
	let count = 0;
	return new Promise((resolve) => {
		session.subtree(
			root,
			VARBINDS_PER_DATAGRAM,
			(varbinds) => {
				for (const varbind of varbinds) note(snmp, values, varbind);
				count += varbinds.length;
				// Ends the walk.
				return count > VARBINDS_MOST;
			},
			(error) => resolve(error ?? null),
		);
	});
}

/** What the device does not have is left out. */
function note(snmp: Library, values: Values, varbind: Varbind): void {
	if (snmp.isVarbindError(varbind)) return;
	const { oid, type, value } = varbind as { oid: string; type?: number; value?: unknown };
	if (typeof value === "number" || typeof value === "bigint") values[oid] = Number(value);
	else if (typeof value === "string") values[oid] = value;
	else if (Buffer.isBuffer(value))
		values[oid] = type === snmp.ObjectType.Counter64 ? counter(value) : value.toString("utf8");
}

/** Up to 2^53 exactly; beyond it a counter of watt-hours has run for longer than electricity is metered. */
function counter(bytes: Buffer): number {
	let value = 0;
	for (const byte of bytes) value = value * 256 + byte;
	return value;
}

function failureOf(error: unknown, target: Target): Failure {
	const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
	const at = endpointOf(target);
	if (name === "RequestTimedOutError")
		return failure("DEVICE_TIMEOUT", `${at} did not answer ${TRIES} datagrams; is the community right?`);
	if (/auth|usm|unknown user|decrypt|digest/i.test(message))
		return failure("DEVICE_UNAUTHORIZED", `${at}: ${oneLine(message)}.`);
	if (name === "RequestFailedError") return failure("DEVICE_REQUEST_REFUSED", `${at}: ${oneLine(message)}.`);
	if (/EHOST|ENET|EADDR|ECONNREFUSED/.test(message))
		return failure("DEVICE_UNREACHABLE", `${at}: ${oneLine(message)}.`);
	return failure("DEVICE_ANSWER_MALFORMED", `${at}: ${oneLine(message)}.`);
}
