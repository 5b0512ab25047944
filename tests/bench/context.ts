/** What every figure is given: how much to measure, where, and which other databases are installed. Types only. */
import type { Figure } from "./figure.js";

export type Context = {
	/** Of the saturated histories. */
	readonly devices: number;
	readonly steps: number;
	/** Of the figures about a fleet: paced, memory, reads, scrape. */
	readonly fleetDevices: number;
	readonly fleetSteps: number;
	readonly pacedSeconds: number;
	readonly rounds: number;
	readonly victoriaMetrics: string | undefined;
	readonly prometheus: string | undefined;
	/** Whether this word of --figures was asked for. */
	readonly isAsked: (name: string) => boolean;
	/** An empty folder. */
	readonly folder: () => string;
	/** Removes what is no longer needed, since histories are large. */
	readonly remove: (folder: string) => void;
	/** A line for who waits. */
	readonly say: (line: string) => void;
};

export type Measure = (context: Context) => Promise<readonly Figure[]>;
