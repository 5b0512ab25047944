/** Vendor units, named as the vendor means them: the factor to ours, and how they are written behind a number. */
import type { Unit } from "../driver.js";

const unit = (factor: number, ...written: string[]): Unit => ({ factor, written });

export const hashesPerSecond = unit(1e-12, "H/s");
export const megahashesPerSecond = unit(1e-6, "MH/s", "MH");
export const gigahashesPerSecond = unit(1e-3, "GH/s", "GH");
export const terahashesPerSecond = unit(1, "TH/s", "TH");
/** Of an algorithm other than SHA-256: our rows keep H/s or Sol/s. */
export const otherHashesPerSecond = unit(1, "H/s", "Sol/s");
export const watts = unit(1, "W");
export const milliwatts = unit(1e-3, "mW");
export const kilowatts = unit(1_000, "kW");
export const voltAmperes = unit(1, "VA");
export const wattHours = unit(3_600, "Wh");
export const kilowattHours = unit(3_600_000, "kWh");
export const volts = unit(1, "V");
export const millivolts = unit(1e-3, "mV");
export const amperes = unit(1, "A");
export const celsius = unit(1, "°C", "℃", "C", "c");
export const revolutionsPerMinute = unit(1, "RPM", "rpm");
export const percent = unit(0.01, "%");
export const ratio = unit(1);
export const hertz = unit(1e-6, "Hz");
export const megahertz = unit(1, "MHz", "Mhz", "M");
export const seconds = unit(1, "s");
export const mebibytes = unit(1_048_576, "MiB");
export const bytes = unit(1, "B");
export const joules = unit(1, "J");
export const millijoules = unit(1e-3, "mJ");
export const microjoules = unit(1e-6, "uJ", "µJ");

/** A unit in other steps: tenths, or thousands. */
export function scaled({ factor, written }: Unit, times: number): Unit {
	return { factor: factor * times, written };
}
