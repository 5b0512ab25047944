import { describe, expect, it } from "vitest";
import { LOGINS_MAX, Logins } from "../../../agent/transports/logins.js";

const at = (port: number) => ({ host: "10.0.3.17", port, user: "root" });

describe("logins", () => {
	it("belong to one host, port and user", () => {
		const logins = new Logins();
		logins.set(at(80), { kind: "bearer", token: "a" });
		expect(logins.get(at(80))).toEqual({ kind: "bearer", token: "a" });
		expect(logins.get(at(81))).toBeUndefined();
		expect(logins.get({ ...at(80), host: "10.0.3.18" })).toBeUndefined();
		expect(logins.get({ ...at(80), user: "admin" })).toBeUndefined();
	});

	it(`are at most ${LOGINS_MAX}; the longest unused leaves first`, () => {
		const logins = new Logins();
		for (let port = 0; port < LOGINS_MAX; port++) logins.set(at(port), { kind: "bearer", token: `${port}` });
		logins.get(at(0));
		logins.set(at(LOGINS_MAX), { kind: "bearer", token: "new" });
		expect(logins.size).toBe(LOGINS_MAX);
		expect(logins.get(at(0))).toBeDefined();
		expect(logins.get(at(1))).toBeUndefined();
	});
});
