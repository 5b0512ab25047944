import { describe, expect, it } from "vitest";
import { Claims } from "../../../agent/poller/claims.js";

const A = { name: "A" };
const B = { name: "B" };

describe("who claims an identity", () => {
	it("is found by serial or by MAC, whatever its case, and no longer once it is withdrawn", () => {
		const claims = new Claims<object>();
		expect(claims.claim(A, { serial: "SN1", mac: "02:00:00:00:00:0a" })).toEqual([]);
		expect(claims.claim(B, { mac: "02:00:00:00:00:0A" })).toEqual([A]);
		expect(claims.others(A)).toEqual([B]);
		claims.withdraw(A);
		expect(claims.others(B)).toEqual([]);
	});

	it.each(["0", "unknown", "N/A", "", "ffffffff"])(
		"is nobody for the serial %j, which says nothing",
		(serial) => {
			const claims = new Claims<object>();
			claims.claim(A, { serial });
			expect(claims.claim(B, { serial })).toEqual([]);
		},
	);

	it("is who says so last: another identity gives the first one free", () => {
		const claims = new Claims<object>();
		claims.claim(A, { serial: "SN1" });
		claims.claim(A, { serial: "SN2" });
		expect(claims.claim(B, { serial: "SN1" })).toEqual([]);
	});
});
