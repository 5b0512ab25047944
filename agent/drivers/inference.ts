/**
 * A host whose inference server is all that answers: tokens, requests and caches, without watts. Data.
 *
 * Beside an exporter for GPUs the same work is read with the watts, by the exporter's driver.
 */
import { defineDriver } from "./driver.js";
import {
	inferenceParts,
	inferenceReads,
	inferenceRequests,
	inferenceWork,
	isInferenceServer,
} from "./kit/inference-work.js";

export const inference = defineDriver({
	name: "inference",
	kind: "gpu-host",
	title: "Inference servers",
	makes: ["vLLM", "SGLang", "TGI", "NVIDIA NIM", "TensorRT-LLM", "llama.cpp", "Ollama behind an exporter"],
	models: ["whatever they serve"],
	firmwares: ["vLLM 0.4 to 0.11", "SGLang 0.3 to 0.5", "TGI 1 to 3", "NIM 1"],
	source: "the servers' documents and sources",
	grade: "documented",
	requests: inferenceRequests,
	recognises: ({ page }) => isInferenceServer(page("/metrics")) || isInferenceServer(page("/v1/metrics")),
	layOut: inferenceWork,
	identity: { make: { at: [["server"]] }, model: { at: [["servedModel"]] } },
	power: { source: "reported", boundary: "gpu" },
	reads: inferenceReads,
	components: [inferenceParts],
	caveats: [
		"Exporters for GPUs are asked on these ports too, so that tokens stand beside the watts of one host.",
		"A server on another port is a target of its own: address and port, with `driver: inference`.",
		"Ollama has no metrics of its own: tokens come from an exporter or a proxy before it.",
		"TGI counts tokens when a request ends.",
	],
});
