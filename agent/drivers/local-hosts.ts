/**
 * This computer as a whole: its GPUs with what the host draws (IPMI's DCMI power reading) and what its inference
 * servers serve, in one reading, so that tokens and watts stand side by side. Data and pure layout, made from the
 * drivers of the GPUs.
 *
 * @see Intel's DCMI specification 1.5, Get Power Reading
 */
import { amdSmi } from "./amd.js";
import { type Driver, defineDriver, type Parsed } from "./driver.js";
import { gaudi } from "./gaudi.js";
import { intelXpu } from "./intel.js";
import { inferenceParts, inferenceReads, inferenceRequests, inferenceWork } from "./kit/inference-work.js";
import { watts } from "./kit/vendor-units.js";
import { nvidiaSmi } from "./nvidia.js";
import { nvidia } from "./nvidia-library.js";
import { rocmSmi } from "./rocm-smi.js";

const DCMI = {
	over: "command",
	argv: ["ipmitool", "dcmi", "power", "reading"],
	format: "text",
	optional: true,
} as const;

const HOST = { source: "reported", boundary: "host" } as const;

export const WHOLE_HOST_SUFFIX = "-host";

function wholeHost(gpus: Driver): Driver {
	return defineDriver({
		...gpus,
		name: `${gpus.name}${WHOLE_HOST_SUFFIX}`,
		title: `${gpus.title}, with the whole host`,
		requests: { ...gpus.requests, dcmi: DCMI, ...inferenceRequests },
		atLeastOne: gpus.atLeastOne ?? Object.keys(gpus.requests),
		layOut: (answers) => ({
			...(gpus.layOut?.(answers) ?? {}),
			...inferenceWork(answers),
			...hostPower(answers),
		}),
		reads: {
			...gpus.reads,
			...inferenceReads,
			powerWatts: { at: ["host", "watts"], unit: watts, absent: [0], power: HOST },
			powerAverageWatts: { at: ["host", "average"], unit: watts, absent: [0] },
		},
		components: [...gpus.components, inferenceParts],
		caveats: [
			...gpus.caveats,
			"Configured as local.wholeHost. ipmitool needs the right to open /dev/ipmi0; where it fails, the host is estimated from its GPUs.",
			"Inference servers are asked on the ports that they have from their makers: 8000, 30000 and 11434.",
		],
	});
}

export const LOCAL_HOSTS: readonly Driver[] = [nvidia, nvidiaSmi, amdSmi, rocmSmi, intelXpu, gaudi].map(
	wholeHost,
);

const READING = /Instantaneous power reading:\s*(\d{1,6}) Watts/;
const AVERAGE = /Average power reading[^:]{0,40}:\s*(\d{1,6}) Watts/;

/** A controller that measures nothing says so in the last line, and 0 W before it. */
function hostPower({ dcmi }: Parsed): Parsed {
	if (typeof dcmi !== "string" || /state is:\s*deactivated/.test(dcmi)) return {};
	const [, now] = READING.exec(dcmi) ?? [];
	const [, average] = AVERAGE.exec(dcmi) ?? [];
	return { host: { ...(now && { watts: now }), ...(average && { average }) } };
}
