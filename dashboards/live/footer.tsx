/** Who reports: each agent with its link and backlog; the program's version. */
import { useContext } from "preact/hooks";
import { counted, duration } from "./format.js";
import { Page, useFleet, useSeconds } from "./page-context.js";

export function Footer() {
	const { site, state } = useContext(Page);
	const fleet = useFleet();
	const at = state.time(useSeconds());
	return (
		<footer>
			<ul class="agents" aria-label="Agents">
				{fleet?.agents.map((agent) => (
					<li key={`${agent.site}/${agent.agent}`}>
						<span class={agent.isConnected ? "dot dot-good" : "dot dot-bad"} aria-hidden="true" />
						<span>agent {agent.agent}</span>{" "}
						<span class="quiet">
							{agent.isConnected ? "connected" : "silent"} for {duration((at - agent.since) / 1_000)}
							{(agent.backlogRecords ?? 0) > 0
								? ` · ${counted(agent.backlogRecords ?? 0, "record")} still to come`
								: ""}
						</span>
					</li>
				))}
			</ul>
			<span class="quiet">{site === undefined ? "" : `Fleetwatt ${site.version}`}</span>
		</footer>
	);
}
