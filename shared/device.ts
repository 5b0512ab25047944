/**
 * Who a device is and what it consists of. Types only.
 *
 * An agent knows a device by its endpoint ("10.0.3.17:4028") and passes on what the device says of
 * itself; the collector gives it a permanent key (collector/store/catalogue.ts).
 */

/** A part of a device that has readings of its own. */
export const PARTS = ["board", "fan", "psu", "gpu", "module", "outlet", "service"] as const;
export type Part = (typeof PARTS)[number];

/** `key` tells the parts of one device apart: a slot ("0"), a chain ("6") or a GPU's UUID. */
export type Component = { readonly part: Part; readonly key: string };

export const DEVICE_KINDS = ["miner", "gpu-host", "agent", "meter"] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

/**
 * What a device says of itself, as text. Absent where it does not say. Identifiers are never parsed
 * as numbers (they exceed 2^53) nor as dates (years with five digits exist).
 */
export type Identity = {
	readonly make?: string;
	readonly model?: string;
	readonly firmware?: string;
	readonly serial?: string;
	/** Lower case, colons: "b4:a2:eb:00:00:01". As sent where it is no valid MAC. */
	readonly mac?: string;
	readonly hostname?: string;
	/** "sha256" or another algorithm's name; absent for a GPU host. */
	readonly algorithm?: string;
};

/** One device as an agent announces it; a change of any word makes a new description. */
export type DeviceDescription = Identity & {
	/** "host:port", unique within a site. */
	readonly endpoint: string;
	readonly kind: DeviceKind;
	readonly driver: string;
	readonly rack?: string;
	readonly position?: string;
	readonly pollIntervalSeconds: number;
};
