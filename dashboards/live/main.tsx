/**
 * The collector's own page: starts the theme and the live stream, then draws. Everything it shows
 * comes from the collector it was loaded from; it asks nobody else and changes nothing.
 */
import { render } from "preact";
import { soon } from "./browser.js";
import { FleetState } from "./fleet-state.js";
import { LiveStream } from "./live-stream.js";
import { WholePage } from "./page.js";
import "./page.css";
import { startRoute } from "./route.js";
import { startTheme } from "./theme.js";

const root = document.getElementById("page");
if (root !== null) {
	startTheme();
	startRoute();
	const state = new FleetState(soon);
	const address = new URL("api/v1/live", document.baseURI);
	address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
	address.hash = "";
	new LiveStream(state, address.href).start();
	render(<WholePage state={state} />, root);
}
