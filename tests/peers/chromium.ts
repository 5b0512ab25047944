/** The Chromium of the system without a window, which asks nobody for anything by itself. */
import { type Browser, chromium } from "playwright-core";
import { program } from "./programs.js";

export function launchChromium(): Promise<Browser> {
	return chromium.launch({
		executablePath: program("chromium") ?? "",
		args: [
			"--headless",
			"--no-sandbox",
			"--disable-gpu",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
			"--disable-component-update",
			"--disable-sync",
		],
	});
}
