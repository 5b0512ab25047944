/**
 * A shared library of the system, through koffi: takes its file, gives its functions by name. koffi is optional and
 * loaded by the first call; the helper program calls, never the agent.
 *
 * @throws where koffi is not installed or the file is no library
 */
import type { NativeFunction, NativeLibrary } from "./nvml-library.js";

export async function openLibrary(file: string): Promise<NativeLibrary> {
	const { load } = await import("koffi");
	const library = load(file);
	return {
		bind(name, parameters) {
			try {
				return library.func(name, "int", [...parameters]) as NativeFunction;
			} catch {
				return undefined;
			}
		},
	};
}
