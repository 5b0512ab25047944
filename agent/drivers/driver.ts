/**
 * A driver is data: what to ask a device, how its answers are written, and where in them each
 * measurement stands, in which vendor unit. Drivers do no I/O, so a capture tests them completely.
 */
import type { DeviceKind, Identity, Part } from "../../shared/device.js";
import type { FailureCode } from "../../shared/failures.js";
import type { MeasurementName, PowerBoundary, PowerSource } from "../../shared/measurements.js";

/** How the text of an answer is written; parsing lives in formats/. "text" is looked at, never parsed. */
export type AnswerFormat =
	| "json"
	/** JSON whose objects repeat keys: the second "temp1" is read as "temp1#2". */
	| "jsonRepeating"
	| "keyValueText"
	| "csv"
	| "xml"
	| "prometheus"
	| "labelledText"
	| "jsonp"
	| "text";

/**
 * What transports/ performs. Read-only by construction: nothing here can name a command that is not
 * in a driver's table, and the tables hold reads only.
 */
export type Request = {
	/** A missing required answer fails the poll; an optional one only leaves its measurements absent. */
	readonly optional?: true;
	/** Asked once per connection of the device and every ten minutes after, for facts that rarely change. */
	readonly rarely?: true;
	/** Asked this often at most, for what moves slowly; the answer before stands in between. */
	readonly everySeconds?: number;
	/** Asked only in a poll in which this other request, listed before it, gave no answer. */
	readonly unless?: string;
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
			/** HTTPS, with whatever certificate the device has. */
			readonly tls?: true;
			readonly path: string;
			/** POST bodies come from this table only. */
			readonly body?: string;
			readonly login?: "none" | "digest" | "basic" | "bearer" | "session";
			/** Where "bearer" gets its token; Braiins' way where absent. */
			readonly token?: TokenLogin;
			/** Where "session" logs in; `{user}` and `{password}` stand for the configured ones. */
			readonly session?: SessionLogin;
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
	| {
			readonly over: "snmp";
			/** Objects with their instance ("1.3.6.1.2.1.1.1.0"), and columns that are walked. Never set. */
			readonly get?: readonly string[];
			readonly walk?: readonly string[];
			readonly port?: number;
	  }
	| {
			readonly over: "modbus";
			/** Functions 3 and 4; there are no others here. */
			readonly registers: "holding" | "input";
			/** Addresses as they stand in the frame, counted from 0. */
			readonly reads: readonly { readonly address: number; readonly count: number }[];
			readonly port?: number;
	  }
	/** NVIDIA's library on the agent's own host; the configuration may name another file for it. */
	| { readonly over: "nvml" }
);

/** A token in exchange for the configured password: what is posted, and how the token goes back. */
export type TokenLogin = {
	readonly path: string;
	readonly userField?: string;
	readonly passwordField: string;
	/** What stands before the token in the header, "Bearer " for most. */
	readonly prefix: string;
};

/** What a port of the device's address answers. */
export type NetworkRequest = Exclude<Request, { readonly over: "command" | "nvml" }>;

export function isOverNetwork(request: Request): request is NetworkRequest {
	return request.over !== "command" && request.over !== "nvml";
}

/** A login whose answer sets a cookie or holds a token, which is sent with what is asked after it. */
export type SessionLogin = {
	readonly method: "GET" | "POST";
	readonly path: string;
	readonly body?: string;
	/** The token goes back in a header of its own, "Token", instead of "Authorization". */
	readonly sentAs?: "token";
};

/** One answer as it came, undecoded. Transports make it, formats/ parse it. */
export type Answer = {
	readonly text: string;
	/** HTTP only. Header names in lower case. */
	readonly status?: number;
	readonly headers?: Readonly<Record<string, string>>;
	/** Its structure, where it was parsed already because it stands for several polls. */
	readonly reply?: Reply;
};

/** What stands in an answer, with the defects that were mended; or why nothing does. */
export type Reply =
	| { readonly value: unknown; readonly repairs: readonly string[] }
	| { readonly code: FailureCode; readonly what: string };

/** Answers by request name; an optional request that gave nothing is missing. */
export type Answers = Readonly<Record<string, Answer>>;

/** For facts that move slowly: shares, the supply, error lists, settings. Never for what a poll's success rests on. */
export const SLOW_FACTS_SECONDS = 30;

export type DriverIdentity = { readonly name: string; readonly kind: DeviceKind };

/** Parsed answers by request name; what the device refused or garbled is missing. */
export type Parsed = Readonly<Record<string, unknown>>;

/** Keys and indexes that lead from the laid-out answers to a value; "*" is every entry of a list or object. */
export type Path = readonly (string | number)[];

/** A vendor's unit: the factor to ours, and how it may be written behind the number ("39.32 W"). */
export type Unit = { readonly factor: number; readonly written: readonly string[] };

/** What to make of several values at one place. */
type Gather = "first" | "highest" | "lowest" | "sum" | "mean";

/** Where a value stands and how to bring it into our unit. */
export type Source = {
	readonly at: Path;
	readonly unit?: Unit;
	readonly of?: Gather;
	/** Vendor values that mean "no sensor" or "not supported", before the unit is applied. */
	readonly absent?: readonly number[];
	/** For powerWatts, where this place tells another source or boundary than the driver's other places. */
	readonly power?: { readonly source: PowerSource; readonly boundary: PowerBoundary };
	/** For states: what the device writes, in lower case, to a word of the measurement. */
	readonly words?: Readonly<Record<string, string>>;
};

/** Several sources: the first that gives a usable value wins. */
export type Reads = Readonly<Partial<Record<MeasurementName, Source | readonly Source[]>>>;

/** A list (or object) in the answers whose every entry is a part of the device. */
export type Parts = {
	readonly part: Part;
	readonly each: Path;
	/** What tells the parts apart; the place in the list where a part does not say. */
	readonly key?: Path;
	readonly reads: Reads;
};

/** Text of the identity: a constant, or the first of several places that says something. */
export type TextSource = string | { readonly at: readonly Path[] };

/** How well a table is known: from a document, against recorded answers, on devices that run. */
export type Grade = "documented" | "recorded" | "proven";

/** What the probes saw of an unknown device; see identify.ts. */
export type Signs = {
	/** All cgminer answers heard, in one text, upper case; "" when none came. */
	readonly rpc: string;
	/** Status, headers and body of GET / in one text, as sent; "" when none came. */
	readonly web: string;
	/** The body that came from an HTTP path, whatever its query; "" when none came or the status was an error. */
	readonly page: (path: string) => string;
	/** The answer to get.device.info over framed TCP; "" when none came. */
	readonly framed: string;
};

export type DriverDefinition = DriverIdentity & {
	/** The family as an operator knows it: "Antminer, Bitmain firmware". */
	readonly title: string;
	readonly makes: readonly string[];
	readonly models: readonly string[];
	readonly firmwares: readonly string[];
	/** The vendor document or recorded answers that the table was read from. */
	readonly source: string;
	readonly grade: Grade;
	readonly requests: Readonly<Record<string, Request>>;
	/** Its devices' controllers dislike being asked more often: seconds between two polls, at least. */
	readonly pollSecondsLeast?: number;
	/** At least one of these must give a usable answer, or the poll has failed. */
	readonly atLeastOne?: readonly string[];
	readonly recognises: (signs: Signs) => boolean;
	/** Lays the answers out so that the tables can name places; pure. Its keys and the requests are the roots of paths. */
	readonly layOut?: (answers: Parsed) => Parsed;
	readonly identity: Readonly<Partial<Record<keyof Identity, TextSource>>>;
	/** What `powerWatts` is, wherever the tables read it. */
	readonly power: { readonly source: PowerSource; readonly boundary: PowerBoundary };
	readonly reads: Reads;
	readonly components: readonly Parts[];
	/** Active error words, as the device writes them. */
	readonly errorCodes?: readonly Path[];
	readonly recall?: Recall;
	readonly caveats: readonly string[];
};

export type Driver = DriverDefinition;

/** What a device remembers of the time in which nobody asked it. */
export type Recall = {
	/** Asked once for each stretch, after the agent was down. */
	readonly request: (stretch: Stretch) => Request;
	/** One request asks for no more; all of the time at once where absent. */
	readonly stretchSecondsMost?: number;
	/** From the parsed answer; pure. Undefined where its moments have no time. */
	readonly layOut: (answer: unknown, stretch: Stretch) => Remembered | undefined;
	readonly reads: Reads;
};

/** Seconds since 1970 UTC by the agent's clock; `to` is no part of it. */
export type Stretch = { readonly from: number; readonly to: number };

export type Remembered = {
	/** For how long the values of a moment stand. */
	readonly seconds: number;
	/** In any order; `said` is what `reads` names places in. */
	readonly moments: readonly { readonly agoMilliseconds: number; readonly said: Parsed }[];
};

/** Names a table as a driver, with its types checked where it is written. */
export function defineDriver(definition: DriverDefinition): Driver {
	return definition;
}
