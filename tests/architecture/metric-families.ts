/**
 * Every family of /metrics, gathered from what writes them: a fleet in which each device and part
 * reports everything, and the agent's own server.
 */
import { serveAgentMetrics } from "../../agent/expose/metrics.js";
import { PollCounters } from "../../agent/poller/statistics.js";
import { ingestFamilies, jobFamilies } from "../../collector/commands/own-families.js";
import { createExposition } from "../../collector/expose/metrics/exposition.js";
import { fleetFamilies, type SampledFamily } from "../../collector/expose/metrics/fleet-families.js";
import { createOwnMetrics } from "../../collector/expose/metrics/own-metrics.js";
import { createView, type ViewOptions } from "../../collector/expose/view.js";
import type { AgentState, DeviceState, SeriesStore, Shape, StoredInput } from "../../collector/store/device-state.js";
import { createMeter } from "../../collector/derive/energy.js";
import { realClock } from "../../shared/clock.js";
import { DEVICE_KINDS, PARTS } from "../../shared/device.js";
import { MEASUREMENT_NAMES, measurement } from "../../shared/measurements.js";
import type { DocumentedFamilies, DocumentedFamily } from "../../shared/metrics-document.js";
import { quantity, type UnixMilliseconds } from "../../shared/units.js";
