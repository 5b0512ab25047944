/** Takes a device; says, where another agent reads the same machine, whose readings count, and links there. */
import { useContext } from "preact/hooks";
import type { DeviceSummary } from "../../collector/expose/answers.js";
import { Page } from "./page-context.js";
import { place } from "./problems.js";
import { deviceAddress, useRoute } from "./route.js";

export function IdentityClash({ device }: { readonly device: DeviceSummary }) {
	const { state } = useContext(Page);
	const { view } = useRoute();
	if (device.isClaim !== true) return null;
	const other = sameAddress(device, state.devices.values()).find(({ isClaim }) => isClaim !== true);
	return (
		<p class="reason" data-testid="identity-clash">
			Identity clash: another agent
			{other === undefined ? null : <span class="code"> {other.agent}</span>} reads this machine
			{other === undefined ? null : (
				<>
					{" "}
					as <a href={deviceAddress(other.device, view)}>{place(other)}</a>
				</>
			)}
			. What <span class="code">{device.agent}</span> says of it is in no total.
			<br />
			<span class="quiet">Leave its address to one of the two agents.</span>
		</p>
	);
}

/** Others that are read at the same address of a site. */
export function sameAddress(
	{ device, endpoint, site }: DeviceSummary,
	devices: Iterable<DeviceSummary>,
): readonly DeviceSummary[] {
	return [...devices].filter(
		(other) => other.device !== device && other.endpoint === endpoint && other.site === site,
	);
}
