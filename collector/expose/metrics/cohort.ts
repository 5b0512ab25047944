/**
 * The lines of some hundred devices, family by family, kept as bytes from scrape to scrape.
 *
 * Takes devices and their facts; keeps for each family one block of lines, each with a slot
 * for its value, and writes only the numbers that changed. About 110 bytes a series in the block and
 * 12 beside it. A line without a value becomes a comment in its place ('#' over its first letter, its
 * slot blank). New and lost devices, and numbers too long for their slots, cost laying out anew, which
 * the size of a cohort keeps to about a millisecond.
 *
 *   fleetwatt_device_power_watts{site="west",rack="A1",device="m1",model="S21"}     3500\n
 *   └ name                      └ head                                       └ tail  └ slot of `width`
 *
 * Numbers stand at the end of their slots: the format allows blanks before a value, not behind it.
 *
 * Invariants: a line's slot begins at slots[i], its line `prefixBytes` before; values[i] is NaN exactly
 * where the line is a comment; a member laid out has its lines at first, first + 1, …
 */
import { invariant } from "../../../shared/invariant.js";
import type { DeviceFacts } from "../device-facts.js";
import { Block, type Lent } from "./block.js";
import { DEVICE_FAMILIES, type DeviceLine, type DeviceLines, type DevicePlans } from "./device-families.js";
import { type DeviceLabels, deviceLabels, type LabelSources } from "./device-labels.js";
import { NumberText } from "./number-text.js";
import type { RenderedFamily } from "./text-writer.js";

/** Laying out one line takes about a tenth of a microsecond. */
const LINES_MOST = 8_192;
const NEWLINE = 10;
const BLANK = 32;
const HASH = 35;

/** A device with its lines: as long as its labels and its shape are the same. */
export type Member = {
	readonly key: string;
	readonly cohort: Cohort;
	readonly labels: LabelSources;
	readonly lines: DeviceLines;
	/** Lengths of what deviceLabels gives. */
	readonly bytes: { readonly head: number; readonly info: number; readonly algorithm: number };
	/** Index of its first line; absent until it is laid out. */
	first?: number;
	/** The newest round in which the device was there. */
	round: number;
};

const NUMBERS = new NumberText();

export class Cohort {
	private readonly plans: DevicePlans;
	private members: Member[] = [];
	/** Values of the device that is being patched. */
	private read = new Float64Array();
	private readonly gone = new Set<Member>();
	/** New members: their labels are written and their values shown once all are there. */
	private readonly waiting = new Map<
		Member,
		{ readonly facts: DeviceFacts; readonly labels: DeviceLabels }
	>();
	private lines = 0;
	private values = new Float64Array();
	private slots = new Uint32Array();
	/** By family; absent where no member has a line of it. */
	private blocks: (Block | undefined)[] = [];

	constructor(plans: DevicePlans) {
		this.plans = plans;
	}

	hasRoomFor(lines: number): boolean {
		return this.lines === 0 || this.lines + lines <= LINES_MOST;
	}

	get isEmpty(): boolean {
		return this.members.length === this.gone.size;
	}

	add(facts: DeviceFacts, own: Pick<Member, "labels" | "lines" | "round">): Member {
		const { key } = facts.state;
		const labels = deviceLabels(key, own.labels);
		const bytes = {
			head: labels.head.length,
			info: labels.info.length,
			algorithm: labels.algorithm.length,
		};
		const member: Member = { ...own, key, cohort: this, bytes };
		this.members.push(member);
		this.waiting.set(member, { facts, labels });
		this.lines += own.lines.length;
		return member;
	}

	remove(member: Member): void {
		this.gone.add(member);
		this.waiting.delete(member);
		this.lines -= member.lines.length;
	}

	/** Writes what changed since the last time. */
	patch({ lines, bytes, first }: Member, facts: DeviceFacts): void {
		invariant(first !== undefined, "only a device that is laid out is patched");
		if (this.read.length < lines.length) this.read = new Float64Array(lines.length);
		this.plans.read(lines, facts, this.read);
		for (let index = 0; index < lines.length; index++) {
			const value = this.read[index] ?? Number.NaN;
			const before = this.values[first + index] ?? Number.NaN;
			// NaN alone is unequal to itself; infinite is as good as absent.
			if (value === before || (!Number.isFinite(value) && Number.isNaN(before))) continue;
			const line = lines[index];
			if (line !== undefined) this.write(line, first + index, prefixBytes(line, bytes), value);
		}
	}

	/** Lays out what came and went. True where there was something to do. */
	settle(): boolean {
		if (this.waiting.size === 0 && this.gone.size === 0) return false;
		this.members = this.members.filter((member) => !this.gone.has(member));
		this.gone.clear();
		this.layOut();
		for (const [member, { facts }] of this.waiting) this.patch(member, facts);
		this.waiting.clear();
		return true;
	}

	/** Lines of a family that are shown. */
	shown(family: number): number {
		return this.blocks[family]?.shown ?? 0;
	}

	/** A family's bytes as they are now; nothing where no line is shown. */
	lend(family: number): Lent | undefined {
		const block = this.blocks[family];
		return block === undefined || block.shown === 0 ? undefined : block.lend();
	}

	private write(line: DeviceLine, at: number, prefix: number, value: number): void {
		const isShown = Number.isFinite(value);
		const start = isShown ? NUMBERS.decimal(value, line.decimals) : NUMBERS.bytes.length;
		const length = NUMBERS.bytes.length - start;
		let block = this.blockOf(line.family);
		if (length > block.width) block = this.widened(line.family, length);
		const bytes = block.writable();
		const slot = this.slots[at] ?? 0;
		const textAt = slot + block.width - length;
		for (let index = slot; index < textAt; index++) bytes[index] = BLANK;
		for (let index = 0; index < length; index++)
			bytes[textAt + index] = NUMBERS.bytes[start + index] ?? BLANK;
		const wasShown = !Number.isNaN(this.values[at]);
		this.values[at] = isShown ? value : Number.NaN;
		if (isShown === wasShown) return;
		bytes[slot - prefix] = isShown ? (familyOf(line.family).name[0] ?? HASH) : HASH;
		block.shown += isShown ? 1 : -1;
	}

	private blockOf(family: number): Block {
		const block = this.blocks[family];
		invariant(block !== undefined, "a line that is laid out has its family's block");
		return block;
	}

	private layOut(): void {
		const before = { blocks: this.blocks, values: this.values, slots: this.slots };
		this.values = new Float64Array(this.lines).fill(Number.NaN);
		this.slots = new Uint32Array(this.lines);
		this.blocks = this.emptyBlocks(before.blocks);
		const ends = new Uint32Array(DEVICE_FAMILIES.length);
		let at = 0;
		for (const member of this.members) {
			const labels = this.waiting.get(member)?.labels;
			const old = member.first;
			member.first = at;
			member.lines.forEach((line, index) => {
				const block = this.blockOf(line.family);
				const start = ends[line.family] ?? 0;
				const slot = start + prefixBytes(line, member.bytes);
				this.slots[at] = slot;
				ends[line.family] = slot + block.width + 1;
				if (old === undefined) {
					invariant(labels !== undefined, "a device that is not laid out waits for it");
					writeLine(block, start, slot, line, labels);
				} else {
					const from = before.blocks[line.family];
					invariant(from !== undefined, "a line that was laid out has its family's block");
					moveLine(from, before.slots[old + index] ?? 0, block, slot, slot - start);
					const value = before.values[old + index] ?? Number.NaN;
					this.values[at] = value;
					if (!Number.isNaN(value)) block.shown += 1;
				}
				at += 1;
			});
		}
	}

	private emptyBlocks(before: readonly (Block | undefined)[]): (Block | undefined)[] {
		const sizes = new Float64Array(DEVICE_FAMILIES.length);
		const widths = DEVICE_FAMILIES.map(
			(_, family) => before[family]?.width ?? this.plans.widths[family] ?? 1,
		);
		for (const { lines, bytes } of this.members) {
			for (const line of lines) {
				const { family } = line;
				sizes[family] = (sizes[family] ?? 0) + prefixBytes(line, bytes) + (widths[family] ?? 1) + 1;
			}
		}
		return widths.map((width, family) => {
			const size = sizes[family] ?? 0;
			return size === 0 ? undefined : new Block(Buffer.allocUnsafeSlow(size), width);
		});
	}

	/** The family's lines with longer slots: for a number of `length` bytes and, mostly, its successors. */
	private widened(family: number, length: number): Block {
		const from = this.blockOf(family);
		const width = Math.max(length + (length % 2), this.plans.widths[family] ?? 1);
		this.plans.widths[family] = width;
		const places: { readonly at: number; readonly prefix: number }[] = [];
		let size = 0;
		for (const { lines, bytes, first } of this.members) {
			if (first === undefined) continue;
			lines.forEach((line, index) => {
				if (line.family !== family) return;
				const prefix = prefixBytes(line, bytes);
				places.push({ at: first + index, prefix });
				size += prefix + width + 1;
			});
		}
		const block = new Block(Buffer.allocUnsafeSlow(size), width);
		block.shown = from.shown;
		let start = 0;
		for (const { at, prefix } of places) {
			const slot = start + prefix;
			moveLine(from, this.slots[at] ?? 0, block, slot, prefix);
			this.slots[at] = slot;
			start = slot + width + 1;
		}
		this.blocks[family] = block;
		return block;
	}
}

function familyOf(index: number): RenderedFamily {
	const family = DEVICE_FAMILIES[index];
	invariant(family !== undefined, `there is a family ${index}`);
	return family;
}

/** Length of a line up to its slot. */
function prefixBytes({ family, tail }: DeviceLine, bytes: Member["bytes"]): number {
	const own = typeof tail === "string" ? bytes[tail] : tail.length;
	return familyOf(family).name.length + bytes.head + own;
}

/** A new line, as a comment: it has no value yet. */
function writeLine(
	{ bytes, width }: Block,
	start: number,
	slot: number,
	{ family, tail }: DeviceLine,
	labels: DeviceLabels,
): void {
	const { name } = familyOf(family);
	bytes.set(name, start);
	bytes.set(labels.head, start + name.length);
	bytes.set(typeof tail === "string" ? labels[tail] : tail, start + name.length + labels.head.length);
	bytes[start] = HASH;
	bytes.fill(BLANK, slot, slot + width);
	bytes[slot + width] = NEWLINE;
}

/** A line as it stands, its slot padded to the width of where it goes. */
function moveLine(from: Block, fromSlot: number, to: Block, toSlot: number, prefix: number): void {
	const padded = to.width - from.width;
	from.bytes.copy(to.bytes, toSlot - prefix, fromSlot - prefix, fromSlot);
	to.bytes.fill(BLANK, toSlot, toSlot + padded);
	from.bytes.copy(to.bytes, toSlot + padded, fromSlot, fromSlot + from.width);
	to.bytes[toSlot + to.width] = NEWLINE;
}
