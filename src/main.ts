import './cli/environment';
import { run } from './index';

void run(process.argv.slice(2));
