/**
 * What inference servers write of their work, by vLLM's, SGLang's, TGI's, NIM's, TensorRT-LLM's, llama.cpp's and Ollama
 * exporters' names; asked alone, or beside a host's GPUs on the ports that the servers have from their makers, so
 * that tokens and watts stand in one reading. Data and pure layout.
 *
 * Tokens and requests are counters since the server's start; several models of one server, and several engines of
 * one model, are added up: each is work of its own. A histogram's _sum is such a counter, its _count another.
 */
import type { Parsed, Parts, Reads } from "../driver.js";
import type { PrometheusSample } from "../formats/prometheus.js";
import { type AnyRecord, at, listOf, present, textOf } from "./reading.js";
import { ratio } from "./vendor-units.js";

type Names = {
	/** As its operators call it. */
	readonly server: string;
	readonly sign: RegExp;
	readonly prompt: readonly string[];
	readonly generated: readonly string[];
	readonly completed: readonly string[];
	readonly failed: readonly string[];
	readonly running: readonly string[];
	readonly waiting: readonly string[];
	readonly cache: readonly string[];
};

/** Of several names the first that is there counts: they are one metric's names through the years. */
const SERVERS: readonly Names[] = [
	{
		server: "vllm",
		sign: /^vllm[:_]/,
		prompt: ["vllm:prompt_tokens_total", "vllm_prompt_tokens_total"],
		generated: ["vllm:generation_tokens_total", "vllm_generation_tokens_total"],
		completed: ["vllm:request_success_total", "vllm_request_success_total"],
		failed: [],
		running: ["vllm:num_requests_running", "vllm_num_requests_running"],
		waiting: ["vllm:num_requests_waiting", "vllm_num_requests_waiting"],
		cache: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
	},
	{
		server: "sglang",
		sign: /^sglang[:_]/,
		prompt: ["sglang:prompt_tokens_total", "sglang_prompt_tokens_total"],
		generated: ["sglang:generation_tokens_total", "sglang_generation_tokens_total"],
		completed: ["sglang:num_requests_total", "sglang_num_requests_total"],
		failed: ["sglang:num_aborted_requests_total"],
		running: ["sglang:num_running_reqs", "sglang_num_running_reqs"],
		waiting: ["sglang:num_queue_reqs", "sglang_num_queue_reqs"],
		cache: ["sglang:token_usage", "sglang_token_usage"],
	},
	{
		server: "tgi",
		sign: /^tgi_/,
		prompt: ["tgi_request_input_length_sum"],
		generated: ["tgi_request_generated_tokens_sum"],
		completed: ["tgi_request_success"],
		failed: ["tgi_request_failure"],
		running: ["tgi_batch_current_size"],
		waiting: ["tgi_queue_size"],
		cache: [],
	},
	{
		server: "tensorrt-llm",
		sign: /^(?:trtllm_|nv_trt_llm_)/,
		prompt: ["trtllm_prompt_tokens_total"],
		generated: ["trtllm_generation_tokens_total"],
		completed: ["trtllm_request_success_total"],
		failed: [],
		running: ["trtllm_num_requests_running", "nv_trt_llm_request_metrics"],
		waiting: ["trtllm_num_requests_waiting"],
		cache: ["trtllm_kv_cache_utilization"],
	},
	{
		server: "llama.cpp",
		sign: /^llamacpp:/,
		prompt: ["llamacpp:prompt_tokens_total"],
		generated: ["llamacpp:tokens_predicted_total"],
		completed: [],
		failed: [],
		running: ["llamacpp:requests_processing"],
		waiting: ["llamacpp:requests_deferred"],
		cache: ["llamacpp:kv_cache_usage_ratio"],
	},
	{
		server: "ollama",
		sign: /^ollama_/,
		prompt: ["ollama_prompt_tokens_total", "ollama_tokens_processed_total"],
		generated: [
			"ollama_generated_tokens_total",
			"ollama_tokens_generated_total",
			"ollama_tokens_generated_sum",
		],
		completed: ["ollama_requests_total", "ollama_request_total"],
		failed: ["ollama_errors_total", "ollama_request_errors_total"],
		running: ["ollama_active_requests", "ollama_requests_in_flight"],
		waiting: ["ollama_queued_requests"],
		cache: [],
	},
	{
		// NIM writes vLLM's names without a prefix; so it is looked for last.
		server: "nim",
		sign: /^(?:generation_tokens_total|num_requests_running|gpu_cache_usage_perc)$/,
		prompt: ["prompt_tokens_total"],
		generated: ["generation_tokens_total"],
		completed: ["request_success_total"],
		failed: ["request_failure_total"],
		running: ["num_requests_running"],
		waiting: ["num_requests_waiting"],
		cache: ["gpu_cache_usage_perc", "kv_cache_usage_perc"],
	},
];

export const isInferenceServer = (text: string) =>
	SERVERS.some(({ sign }) => new RegExp(sign, "m").test(text));

const workReads = {
	promptTokens: { at: ["prompt"] },
	generatedTokens: { at: ["generated"] },
	requestsCompleted: { at: ["completed"] },
	requestsFailed: { at: ["failed"] },
	requestsRunning: { at: ["running"] },
	requestsWaiting: { at: ["waiting"] },
	cacheUsageRatio: { at: ["cache"], unit: ratio },
} as const;

const summed = (field: string) => ({ at: ["services", "*", field], of: "sum" }) as const;

/** For layouts that give `inferenceWork()`. */
export const inferenceReads = {
	promptTokens: summed("prompt"),
	generatedTokens: summed("generated"),
	requestsCompleted: summed("completed"),
	requestsFailed: summed("failed"),
	requestsRunning: summed("running"),
	requestsWaiting: summed("waiting"),
	inferenceServerCount: { at: ["serverCount"] },
	loadedModelCount: { at: ["loadedCount"] },
} as const satisfies Reads;

export const inferenceParts: Parts = { part: "service", each: ["services"], key: ["key"], reads: workReads };

const metricsAt = (port: number, path: string) =>
	({ over: "http", port, path, format: "prometheus", optional: true }) as const;

/** On the ports that these servers have from their makers; what does not answer is left alone for ten minutes. */
export const inferenceRequests = {
	served: metricsAt(8_000, "/metrics"),
	servedByNim: metricsAt(8_000, "/v1/metrics"),
	servedBySglang: metricsAt(30_000, "/metrics"),
	/** Ollama has no metrics of its own; it says which models are in memory. */
	loaded: { over: "http", port: 11_434, path: "/api/ps", format: "json", optional: true },
} as const;

const SERVICES_MOST = 64;

export function inferenceWork(answers: Parsed): AnyRecord {
	const servers = ["served", "servedByNim", "servedBySglang"]
		.map((name) => listOf(at(answers, name, "samples")) as readonly PrometheusSample[])
		.map(servicesIn)
		.filter((services) => services.length > 0);
	const services = servers.flat();
	const models = new Set(services.flatMap((service) => textOf(at(service, "model")) ?? []));
	const loaded = at(answers, "loaded", "models");
	return present({
		services,
		serverCount: servers.length > 0 ? servers.length : undefined,
		loadedCount: loaded === undefined ? undefined : listOf(loaded).length,
		server: at(services[0], "server"),
		servedModel: models.size === 0 ? undefined : [...models].slice(0, 4).join(" + "),
	});
}

function servicesIn(samples: readonly PrometheusSample[]): readonly AnyRecord[] {
	const names = SERVERS.find(({ sign }) => samples.some(({ name }) => sign.test(name)));
	return names === undefined ? [] : servicesOf(names, samples);
}

/** One service a model; servers that serve one model and name none are one service. */
function servicesOf(names: Names, samples: readonly PrometheusSample[]): readonly AnyRecord[] {
	const own = samples.filter(({ name }) =>
		Object.values(names).some((list) => Array.isArray(list) && list.includes(name)),
	);
	const byModel = new Map<string, PrometheusSample[]>();
	for (const sample of own) {
		const model = textOf(at(sample.labels, "model_name")) ?? textOf(at(sample.labels, "model")) ?? "";
		if (!byModel.has(model) && byModel.size >= SERVICES_MOST) continue;
		byModel.set(model, [...(byModel.get(model) ?? []), sample]);
	}
	return [...byModel].map(([model, of]) =>
		present({
			server: names.server,
			key: model === "" ? names.server : `${names.server}:${model}`,
			model: model === "" ? undefined : model,
			prompt: sumOf(names.prompt, of),
			generated: sumOf(names.generated, of),
			completed: sumOf(names.completed, of),
			failed: sumOf(names.failed, of),
			running: sumOf(names.running, of),
			waiting: sumOf(names.waiting, of),
			cache: highestOf(names.cache, of),
		}),
	);
}

function valuesOf(names: readonly string[], samples: readonly PrometheusSample[]): readonly number[] {
	for (const wanted of names) {
		const values = samples.filter(({ name }) => name === wanted).map(({ value }) => value);
		if (values.length > 0) return values;
	}
	return [];
}

function sumOf(names: readonly string[], samples: readonly PrometheusSample[]): number | undefined {
	const values = valuesOf(names, samples);
	return values.length === 0 ? undefined : values.reduce((all, value) => all + value, 0);
}

/** A cache's share of several engines is that of the fullest. */
function highestOf(names: readonly string[], samples: readonly PrometheusSample[]): number | undefined {
	const values = valuesOf(names, samples);
	return values.length === 0 ? undefined : values.reduce((most, value) => Math.max(most, value));
}
