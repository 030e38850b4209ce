// CDK takes over a second to load, and each template to make: they are loaded and made once for all that is asked of them.
import './alarms.ts';
import './costs.ts';
import './least-privilege.ts';
import './nag.ts';
import './network-and-database.ts';
import './protection.ts';
import './runbook.ts';
import './template-integrity.ts';
import './way-through.ts';
