/**
 * Prices of GPU-hours as markets state them: asks, lists and what can be rented now are different series.
 *
 * Takes bodies; gives USD per GPU-hour of one model, by kind. An ask is not a fill and a list price is no rent:
 * none of these is what a site earns.
 */
import { at, jsonOf, listAt, numberAt } from "./body.js";
import { type FeedFailure, type FeedFetch, type FeedRequest, failed } from "./http.js";

const CENTS_PER_DOLLAR = 100;
/** Several times what the dearest card costs: beyond it the number is cents, or a whole box's. */
const MOST_USD_PER_HOUR = 100;
const OFFERS_MOST = 64;

/** ask: what sellers want, median of offers; list: a provider's price; spot: interruptible; a list with nothing to rent is listOnly. */
export type GpuPriceKind = "ask" | "list" | "listOnly" | "spot";
export type GpuPrice = { readonly kind: GpuPriceKind; readonly usdPerGpuHour: number };
export type GpuPrices = { readonly ok: true; readonly prices: readonly GpuPrice[] } | FeedFailure;

export type GpuSource = "vast" | "runpod" | "lambda";

const RUNPOD_QUERY =
	"{ gpuTypes { id displayName memoryInGb securePrice communityPrice secureSpotPrice communitySpotPrice } }";

export function gpuRequest(
	source: GpuSource,
	base: string | undefined,
	key: string | undefined,
): FeedRequest {
	const json = { "content-type": "application/json" };
	switch (source) {
		case "vast":
			return {
				url: `${base ?? "https://console.vast.ai"}/api/v0/bundles/`,
				method: "POST",
				headers: json,
				body: JSON.stringify({
					rentable: { eq: true },
					verified: { eq: true },
					order: [["dph_total", "asc"]],
					limit: OFFERS_MOST,
					type: "on-demand",
				}),
			};
		case "runpod":
			return {
				url: `${base ?? "https://api.runpod.io"}/graphql`,
				method: "POST",
				headers: json,
				body: JSON.stringify({ query: RUNPOD_QUERY }),
			};
		case "lambda":
			return {
				url: `${base ?? "https://cloud.lambda.ai"}/api/v1/instance-types`,
				...(key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } }),
			};
	}
}

export function gpuPricesOf(source: GpuSource, text: string, model: string): GpuPrices {
	const found = { vast: vastPrices, runpod: runpodPrices, lambda: lambdaPrices }[source](
		text,
		new RegExp(escaped(model), "i"),
	);
	if (typeof found === "string") return failed("FEED_ANSWER_MALFORMED", found);
	const wrong = found.find(({ usdPerGpuHour }) => !(usdPerGpuHour > 0 && usdPerGpuHour < MOST_USD_PER_HOUR));
	if (wrong !== undefined)
		return failed("FEED_VALUE_REFUSED", `${source} has a price of ${wrong.usdPerGpuHour} USD per GPU-hour.`);
	return found.length > 0
		? { ok: true, prices: found }
		: failed("FEED_VALUE_REFUSED", `${source} has no price of ${model}.`);
}

/** dph_total is for the whole offer, however many GPUs it has. */
function vastPrices(text: string, model: RegExp): readonly GpuPrice[] | string {
	const offers = listAt(jsonOf(text), "offers");
	if (offers === undefined) return "There are no offers in it.";
	const each = offers.flatMap((offer) => {
		const [total, gpus] = [numberAt(offer, "dph_total"), numberAt(offer, "num_gpus")];
		const isWanted = model.test(String(at(offer, "gpu_name") ?? ""));
		return isWanted && total !== undefined && gpus !== undefined && gpus >= 1 ? [total / gpus] : [];
	});
	const sorted = each.sort((a, b) => a - b);
	const middle = sorted[sorted.length >> 1];
	return middle === undefined ? [] : [{ kind: "ask", usdPerGpuHour: middle }];
}

/** USD per GPU-hour; a tier that is not sold is null. Errors come with status 200. */
function runpodPrices(text: string, model: RegExp): readonly GpuPrice[] | string {
	const body = jsonOf(text);
	const types = listAt(body, "data", "gpuTypes");
	if (types === undefined)
		return `There are no gpuTypes in it: ${JSON.stringify(at(body, "errors") ?? "").slice(0, 100)}`;
	const type = types.find((one) => model.test(String(at(one, "displayName") ?? at(one, "id") ?? "")));
	const [list, spot] = [numberAt(type, "securePrice"), numberAt(type, "secureSpotPrice")];
	return [
		...(list === undefined ? [] : [{ kind: "list" as const, usdPerGpuHour: list }]),
		...(spot === undefined ? [] : [{ kind: "spot" as const, usdPerGpuHour: spot }]),
	];
}

/** Cents per instance-hour; without regions that have capacity there is nothing to rent at it. */
function lambdaPrices(text: string, model: RegExp): readonly GpuPrice[] | string {
	const data = at(jsonOf(text), "data");
	if (typeof data !== "object" || data === null) return "There is no data in it.";
	const found = Object.values(data).flatMap((shape) => {
		const [cents, gpus] = [
			numberAt(shape, "instance_type", "price_cents_per_hour"),
			numberAt(shape, "instance_type", "specs", "gpus"),
		];
		const isWanted = model.test(String(at(shape, "instance_type", "name") ?? ""));
		if (!isWanted || cents === undefined || gpus === undefined || gpus < 1) return [];
		const canRent = (listAt(shape, "regions_with_capacity_available") ?? []).length > 0;
		return [
			{
				kind: canRent ? ("list" as const) : ("listOnly" as const),
				usdPerGpuHour: cents / CENTS_PER_DOLLAR / gpus,
			},
		];
	});
	const least = (kind: GpuPriceKind) => {
		const own = found.filter((price) => price.kind === kind).map(({ usdPerGpuHour }) => usdPerGpuHour);
		return own.length === 0 ? [] : [{ kind, usdPerGpuHour: Math.min(...own) }];
	};
	return [...least("list"), ...least("listOnly")];
}

function escaped(model: string): string {
	return model.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

export async function gpuPrices(
	fetch: FeedFetch,
	source: GpuSource,
	options: { readonly model: string; readonly base?: string | undefined; readonly key?: string | undefined },
): Promise<GpuPrices> {
	const answer = await fetch(gpuRequest(source, options.base, options.key));
	return answer.ok ? gpuPricesOf(source, answer.text, options.model) : answer;
}
