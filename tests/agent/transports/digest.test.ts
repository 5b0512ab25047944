import { describe, expect, it } from "vitest";
import { digestAuthorization, parseDigestChallenge } from "../../../agent/transports/digest.js";

/** The worked example of RFC 7616, section 3.9.1: user Mufasa, password Circle of Life. */
const example =
	'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, ' +
	'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
const mufasa = { user: "Mufasa", password: "Circle of Life" };
const request = {
	method: "GET",
	path: "/dir/index.html",
	clientNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
	use: 1,
};

function authorize(header: string, over = request): string {
	const challenge = parseDigestChallenge(header);
	return challenge === undefined ? "none" : digestAuthorization(challenge, mufasa, over);
}

describe("digest authentication", () => {
	it.each([
		["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
		["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
	])("gives the response of RFC 7616 for %s", (algorithm, response) => {
		expect(authorize(example.replace("=MD5", `=${algorithm}`))).toContain(`response="${response}"`);
	});

	it("gives the response of RFC 2069 where the device names no qop", () => {
		const header = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"';
		const authorization = authorize(header);
		expect(authorization).toContain('response="');
		expect(authorization).not.toContain("qop");
		expect(authorization).not.toContain("nc=");
	});

	it("takes SHA-256 when MD5 and SHA-256 are both offered", () => {
		const both = `${example}, ${example.replace("=MD5", "=SHA-256")}`;
		expect(authorize(both)).toContain("algorithm=SHA-256");
	});

	it("reads a digest challenge that stands after another scheme", () => {
		expect(authorize(`Basic realm="x", ${example}`)).toContain('realm="http-auth@example.org"');
	});

	it("counts uses of one nonce in eight hexadecimal digits: the 26th is 0000001a", () => {
		expect(authorize(example, { ...request, use: 26 })).toContain("nc=0000001a");
	});

	it("escapes quotes in the user's name", () => {
		const challenge = parseDigestChallenge(example);
		const header = challenge && digestAuthorization(challenge, { user: 'a"b\\', password: "" }, request);
		expect(header).toContain('username="a\\"b\\\\"');
	});

	it.each([
		["only Basic", 'Basic realm="antMiner Configuration"'],
		["only auth-int", 'Digest realm="x", nonce="y", qop="auth-int"'],
		["an unknown hash", 'Digest realm="x", nonce="y", algorithm=MD4, qop="auth"'],
		["no nonce", 'Digest realm="x", qop="auth"'],
		["nothing", ""],
		["noise", `${'"'.repeat(500)}\\,,,=`],
	])("answers no challenge that offers %s", (_offer, header) => {
		expect(parseDigestChallenge(header)).toBeUndefined();
	});
});
