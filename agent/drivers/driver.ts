/**
 * A driver is data: what to ask a device, how its answers are written, and where in them each
 * measurement stands, in which vendor unit. Drivers do no I/O, so a capture tests them completely.
 */
import type { DeviceKind } from "../../shared/device.js";

/** How the text of an answer is written; parsing lives in formats/. */
export type AnswerFormat = "json" | "keyValueText" | "csv" | "xml" | "prometheus" | "jsonp";

/**
 * What transports/ performs. Read-only by construction: nothing here can name a command that is not
 * in a driver's table, and the tables hold reads only.
 */
export type Request = {
	/** A missing required answer fails the poll; an optional one only leaves its measurements absent. */
	readonly optional?: true;
	/** Asked once per connection of the device and every ten minutes after, for facts that rarely change. */
	readonly rarely?: true;
	readonly format: AnswerFormat;
} & (
	| {
			readonly over: "cgminer";
			/** The whole JSON request ({"command":"stats"}), or bare text ("estats\n") for the oldest firmwares. */
			readonly send: string;
			/** 4028 unless the range says otherwise. */
			readonly port?: number;
	  }
	| {
			readonly over: "http";
			readonly method?: "GET" | "POST";
			readonly path: string;
			/** POST bodies come from this table only. */
			readonly body?: string;
			readonly login?: "none" | "digest" | "basic" | "bearer";
			/** Any status is an answer, a redirect or a refusal too: for probes that read the refusal itself. */
			readonly anyStatus?: true;
			readonly port?: number;
	  }
	| {
			/** Four bytes little-endian length, then JSON, both ways. */
			readonly over: "framed";
			readonly send: string;
			readonly port?: number;
	  }
	| {
			/** A local program, without a shell; the configuration may name another file for argv[0]. */
			readonly over: "command";
			readonly argv: readonly string[];
	  }
);

/** One answer as it came, undecoded. Transports make it, formats/ parse it. */
export type Answer = {
	readonly text: string;
	/** HTTP only. Header names in lower case. */
	readonly status?: number;
	readonly headers?: Readonly<Record<string, string>>;
};

/** Answers by request name; an optional request that gave nothing is missing. */
export type Answers = Readonly<Record<string, Answer>>;

export type DriverIdentity = { readonly name: string; readonly kind: DeviceKind };
