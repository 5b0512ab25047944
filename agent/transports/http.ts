/**
 * HTTP and its logins: one connection for each request, closed after it, by Node's own client. Takes a request of a driver's table,
 * gives status, headers and text; never follows a redirect, never decompresses, never sends credentials that
 * are not this target's own, and sends those at most once more after a refusal.
 *
 * A device that asks for a password in another way than the driver's table says gets none: a digest driver
 * never answers a Basic challenge.
 */
import { request as ask, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { type Failure, failure } from "../../shared/failures.js";
import type { Answer, TokenLogin } from "../drivers/driver.js";
import { atEnd, failureOf, openSocket, timeoutFailure } from "./connection.js";
import { digestAuthorization, parseDigestChallenge } from "./digest.js";
import { COOKIE_PREFIX, isLoggedOut, sessionProof, sessionRequest } from "./session.js";
import { isCutShort, textOf } from "./text.js";
import {
	ANSWER_BYTES_MAX,
	type Asked,
	endpointOf,
	HTTP_HEADER_BYTES_MAX,
	type PollContext,
	type RequestOver,
	refuse,
	type Target,
} from "./transport.js";

type HttpRequest = RequestOver<"http">;

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const CLIENT_NONCE_BYTES = 16;
/** Braiins OS: the answer's "token" is sent back as it is. */
const BRAIINS_LOGIN: TokenLogin = {
	path: "/api/v1/auth/login",
	userField: "username",
	passwordField: "password",
	prefix: "",
};
/** Tokens are printable and hold no quote, so the field is found without parsing the answer. */
const TOKEN_FIELD = /"token"\s*:\s*"([\x21\x23-\x5b\x5d-\x7e]{1,4096})"/;

export async function askHttp(request: HttpRequest, target: Target, context: PollContext): Promise<Asked> {
	const asked = await askWithLogin(request, target, context);
	if (!asked.ok || request.anyStatus) return asked;
	const refusal = refusalOf(asked.answer, target);
	return refusal === undefined ? asked : { ok: false, failure: refusal };
}

async function askWithLogin(request: HttpRequest, target: Target, context: PollContext): Promise<Asked> {
	const { login = "none" } = request;
	if (login === "none" || target.credentials === undefined) return send(request, target, context);
	if (context.authentication.isRefused) {
		return refuse("DEVICE_UNAUTHORIZED", `${endpointOf(target)} refused the credentials in this poll.`);
	}
	if (login === "session") return askInSession(request, target, context);
	const known = authorizationAtHand(request, target, context);
	const first = await send(request, target, context, known);
	if (!first.ok || first.answer.status !== UNAUTHORIZED) return first;
	forgetLogin(target, context);
	const renewed = await renewedAuthorization(request, target, context, first.answer);
	const second = renewed === undefined ? first : await send(request, target, context, renewed);
	if (second.ok && second.answer.status === UNAUTHORIZED) {
		context.authentication.isRefused = true;
		forgetLogin(target, context);
	}
	return second;
}

/** Logs in first where no session is known, and once more where the device has forgotten it. */
async function askInSession(request: HttpRequest, target: Target, context: PollContext): Promise<Asked> {
	const { credentials } = target;
	const { session } = request;
	if (credentials === undefined || session === undefined) return send(request, target, context);
	const { logins } = context.memory;
	const key = { ...target, user: credentials.user };
	const logIn = async () => {
		const asked = await send(sessionRequest(session, credentials), target, context);
		const proof = asked.ok ? sessionProof(asked.answer) : undefined;
		if (proof !== undefined) logins.set(key, { kind: "bearer", token: proof });
		return proof;
	};
	const known = logins.get(key);
	const kept = known?.kind === "bearer" ? known.token : undefined;
	const first = await send(request, target, context, kept ?? (await logIn()));
	if (kept === undefined || !first.ok || !isLoggedOut(first.answer))
		return withDenial(first, target, context);
	forgetLogin(target, context);
	return withDenial(await send(request, target, context, await logIn()), target, context);
}

/** A login page in place of the answer is a refusal, whatever its status says. */
function withDenial(asked: Asked, target: Target, context: PollContext): Asked {
	if (!asked.ok || !isLoggedOut(asked.answer)) return asked;
	context.authentication.isRefused = true;
	forgetLogin(target, context);
	return refuse("DEVICE_UNAUTHORIZED", `${endpointOf(target)} refused the credentials or wants other ones.`);
}

/** What can be sent without asking the device first; Basic always can, and so is sent once and not again. */
function authorizationAtHand(request: HttpRequest, target: Target, context: PollContext): string | undefined {
	const { credentials } = target;
	if (credentials === undefined) return undefined;
	if (request.login === "basic") {
		return `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`, "utf8").toString("base64")}`;
	}
	const login = context.memory.logins.get({ ...target, user: credentials.user });
	if (login?.kind === "bearer" && request.login === "bearer") return login.token;
	if (login?.kind !== "digest" || request.login !== "digest") return undefined;
	login.uses++;
	return digestAuthorization(login.challenge, credentials, digestRequest(request, context, login.uses));
}

async function renewedAuthorization(
	request: HttpRequest,
	target: Target,
	context: PollContext,
	refusal: Answer,
): Promise<string | undefined> {
	const { credentials } = target;
	if (credentials === undefined) return undefined;
	const { logins } = context.memory;
	const key = { ...target, user: credentials.user };
	if (request.login === "digest") {
		const challenge = parseDigestChallenge(refusal.headers?.["www-authenticate"] ?? "");
		if (challenge === undefined) return undefined;
		logins.set(key, { kind: "digest", challenge, uses: 1 });
		return digestAuthorization(challenge, credentials, digestRequest(request, context, 1));
	}
	if (request.login !== "bearer") return undefined;
	const token = await tokenFrom(request.token ?? BRAIINS_LOGIN, target, context);
	if (token !== undefined) logins.set(key, { kind: "bearer", token });
	return token;
}

function digestRequest(request: HttpRequest, context: PollContext, use: number) {
	const clientNonce = context.clock.randomBytes(CLIENT_NONCE_BYTES).toString("hex");
	return { method: request.method ?? "GET", path: request.path, clientNonce, use };
}

async function tokenFrom(
	{ path, userField, passwordField, prefix }: TokenLogin,
	target: Target,
	context: PollContext,
): Promise<string | undefined> {
	const { user = "", password = "" } = target.credentials ?? {};
	const fields = { ...(userField === undefined ? {} : { [userField]: user }), [passwordField]: password };
	const login = { over: "http", format: "json", method: "POST", path, body: JSON.stringify(fields) } as const;
	const asked = await send(login, target, context);
	const token = asked.ok && isSuccess(asked.answer) ? TOKEN_FIELD.exec(asked.answer.text)?.[1] : undefined;
	return token === undefined ? undefined : `${prefix}${token}`;
}

function forgetLogin(target: Target, context: PollContext): void {
	if (target.credentials === undefined) return;
	context.memory.logins.forget({ ...target, user: target.credentials.user });
}

function isSuccess({ status = 0 }: Answer): boolean {
	return status >= 200 && status < 300;
}

function refusalOf(answer: Answer, target: Target): Failure | undefined {
	if (isSuccess(answer)) return undefined;
	const { status = 0 } = answer;
	const isPasswordAsked = status === UNAUTHORIZED || status === FORBIDDEN;
	const given =
		target.credentials === undefined ? "no credentials are configured" : "refused the credentials";
	return isPasswordAsked
		? failure("DEVICE_UNAUTHORIZED", `${endpointOf(target)} answered ${status}: ${given}.`)
		: failure("DEVICE_REQUEST_REFUSED", `${endpointOf(target)} answered with status ${status}.`);
}

async function send(
	request: HttpRequest,
	target: Target,
	context: PollContext,
	authorization?: string,
): Promise<Asked> {
	const opened = await openSocket(target, context);
	if (!opened.ok) return opened;
	const { socket } = opened;
	const received = await exchanged(request, target, context, { socket, authorization });
	socket.destroy();
	if (!received.ok) return received;
	const defect = defectOf(received.answer, request, target);
	if (defect !== undefined) return { ok: false, failure: defect };
	return { ...received, receivedAt: context.clock.monotonic() };
}

type Received =
	| { readonly ok: true; readonly answer: Required<Answer> }
	| { readonly ok: false; readonly failure: Failure };

type Connection = { readonly socket: Socket; readonly authorization: string | undefined };

function exchanged(
	request: HttpRequest,
	target: Target,
	context: PollContext,
	{ socket, authorization }: Connection,
): Promise<Received> {
	return new Promise((resolve) => {
		const stop = atEnd(context, () => finish({ ok: false, failure: timeoutFailure(target, context) }));
		const finish = (result: Received) => {
			stop();
			resolve(result);
			asking.destroy();
		};
		const fail = (error: Error) => finish({ ok: false, failure: failureOfHttp(error, target) });
		const asking = ask({
			createConnection: () => socket,
			host: target.host,
			port: target.port,
			method: request.method ?? "GET",
			path: request.path,
			headers: headersFor(request, authorization),
			maxHeaderSize: HTTP_HEADER_BYTES_MAX,
		});
		asking.on("error", fail);
		asking.on("response", (response) => read(response, target, finish, fail));
		asking.end(request.body);
	});
}

function read(
	response: IncomingMessage,
	target: Target,
	finish: (result: Received) => void,
	fail: (error: Error) => void,
): void {
	const chunks: Uint8Array[] = [];
	let bytes = 0;
	response.on("data", (chunk: Buffer) => {
		bytes += chunk.length;
		if (bytes > ANSWER_BYTES_MAX) finish({ ok: false, failure: tooLarge(target) });
		else chunks.push(chunk);
	});
	response.on("error", fail);
	response.on("end", () => {
		const { statusCode: status = 0, headers } = response;
		finish({ ok: true, answer: { text: textOf(chunks), status, headers: flat(headers) } });
	});
}

function headersFor(request: HttpRequest, authorization: string | undefined): Record<string, string> {
	return {
		accept: "*/*",
		"accept-encoding": "identity",
		"user-agent": "fleetwatt",
		...(request.body === undefined ? {} : { "content-type": contentTypeOf(request.body) }),
		...(authorization === undefined ? {} : proofHeader(authorization)),
	};
}

function contentTypeOf(body: string): string {
	return body.startsWith("{") ? "application/json" : "application/x-www-form-urlencoded";
}

function proofHeader(authorization: string): Record<string, string> {
	return authorization.startsWith(COOKIE_PREFIX)
		? { cookie: authorization.slice(COOKIE_PREFIX.length) }
		: { authorization };
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
	const entries = Object.entries(headers).flatMap(([name, value]) =>
		value === undefined
			? []
			: [[name.toLowerCase(), Array.isArray(value) ? value.join(", ") : value] as const],
	);
	return Object.fromEntries(entries);
}

function defectOf(answer: Required<Answer>, request: HttpRequest, target: Target): Failure | undefined {
	const { "content-encoding": encoding = "identity", ...headers } = answer.headers;
	if (encoding !== "identity" && encoding !== "") {
		return failure("DEVICE_ANSWER_MALFORMED", `${endpointOf(target)} compressed its answer unasked.`);
	}
	const isEndedByClose =
		headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;
	return isEndedByClose && isSuccess(answer) && isCutShort(answer.text, request.format)
		? failure("DEVICE_ANSWER_TRUNCATED", `${endpointOf(target)} closed in mid-answer.`)
		: undefined;
}

function failureOfHttp(error: Error, target: Target): Failure {
	const code = "code" in error ? String(error.code) : "";
	if (code === "HPE_HEADER_OVERFLOW") return tooLarge(target);
	if (code.startsWith("HPE_")) {
		return failure("DEVICE_ANSWER_MALFORMED", `${endpointOf(target)} breaks the rules of HTTP: ${code}.`);
	}
	// A reset by the device names its system call; a connection that only ended does not.
	if (code === "ECONNRESET" && !("syscall" in error)) {
		return failure("DEVICE_ANSWER_TRUNCATED", `${endpointOf(target)} closed before its answer was complete.`);
	}
	return failureOf(error, target);
}

function tooLarge(target: Target): Failure {
	return failure(
		"DEVICE_ANSWER_TOO_LARGE",
		`${endpointOf(target)} sent more than ${ANSWER_BYTES_MAX} bytes, or ${HTTP_HEADER_BYTES_MAX} of headers.`,
	);
}
