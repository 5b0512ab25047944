/**
 * HTTP and its logins: one connection for each request, closed after it. Takes a request of a driver's table, gives
 * status, headers and text; never follows a redirect, never decompresses, never sends credentials that
 * are not this target's own, and sends those at most once more after a refusal.
 *
 * A device that asks for a password in another way than the driver's table says gets none: a digest driver
 * never answers a Basic challenge.
 */
import { type Failure, failure } from "../../shared/failures.js";
import type { Answer, TokenLogin } from "../drivers/driver.js";
import { converse } from "./connection.js";
import { digestAuthorization, parseDigestChallenge } from "./digest.js";
import { httpAnswerReader } from "./http-answer.js";
import { COOKIE_PREFIX, isLoggedOut, sessionProof, sessionRequest, TOKEN_PREFIX } from "./session.js";
import { isCutShort } from "./text.js";
import { converseOverTls } from "./tls.js";
import {
	type Asked,
	endpointOf,
	type PollContext,
	type RequestOver,
	refuse,
	type Target,
} from "./transport.js";

type HttpRequest = RequestOver<"http">;

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const HTTP_PORT = 80;
const HTTPS_PORT = 443;
const HEADERS = "Accept: */*\r\nAccept-Encoding: identity\r\nUser-Agent: fleetwatt\r\nConnection: close\r\n";
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
		const proof = asked.ok ? sessionProof(asked.answer, session) : undefined;
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
	const talk = request.tls === true ? converseOverTls : converse;
	const asked = await talk(target, context, {
		send: requestText(request, target, authorization),
		reader: httpAnswerReader(target),
	});
	if (!asked.ok) return asked;
	const defect = defectOf(asked.answer, request, target);
	return defect === undefined ? asked : { ok: false, failure: defect };
}

/** Paths and bodies are of the drivers' tables; a credential is encoded by its method. */
function requestText(request: HttpRequest, target: Target, authorization: string | undefined): string {
	const { method = "GET", path, body } = request;
	const content =
		body === undefined
			? ""
			: `Content-Type: ${contentTypeOf(body)}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
	const login = authorization === undefined ? "" : proofHeader(authorization);
	return `${method} ${path} HTTP/1.1\r\nHost: ${hostOf(target)}\r\n${HEADERS}${content}${login}\r\n${body ?? ""}`;
}

function contentTypeOf(body: string): string {
	return body.startsWith("{") ? "application/json" : "application/x-www-form-urlencoded";
}

function proofHeader(authorization: string): string {
	if (authorization.startsWith(COOKIE_PREFIX))
		return `Cookie: ${authorization.slice(COOKIE_PREFIX.length)}\r\n`;
	if (authorization.startsWith(TOKEN_PREFIX)) return `Token: ${authorization.slice(TOKEN_PREFIX.length)}\r\n`;
	return `Authorization: ${authorization}\r\n`;
}

function hostOf(target: Target): string {
	const { port } = target;
	return port === HTTP_PORT || port === HTTPS_PORT
		? endpointOf(target).replace(/:\d+$/, "")
		: endpointOf(target);
}

function defectOf(answer: Answer, request: HttpRequest, target: Target): Failure | undefined {
	const { "content-encoding": encoding = "identity", ...headers } = answer.headers ?? {};
	if (encoding !== "identity" && encoding !== "") {
		return failure("DEVICE_ANSWER_MALFORMED", `${endpointOf(target)} compressed its answer unasked.`);
	}
	const isEndedByClose =
		headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;
	return isEndedByClose && isSuccess(answer) && isCutShort(answer.text, request.format)
		? failure("DEVICE_ANSWER_TRUNCATED", `${endpointOf(target)} closed in mid-answer.`)
		: undefined;
}
