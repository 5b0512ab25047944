/** What stands at "/" where the page is not built: where everything else is. */
export const LANDING_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Fleetwatt</title>
<h1>Fleetwatt collector</h1>
<p>The page is not built: run <code>npm run build</code> and start again.</p>
<ul>
<li><a href="/metrics">/metrics</a> for Prometheus</li>
<li><a href="/api/v1/fleet">/api/v1/fleet</a>, <a href="/api/v1/devices">/api/v1/devices</a>; <a href="/api/v1/openapi.json">all paths</a></li>
<li><a href="/-/healthy">/-/healthy</a>, <a href="/-/ready">/-/ready</a></li>
</ul>
`;
