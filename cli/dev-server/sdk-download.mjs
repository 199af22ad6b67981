// Runs as a process of its own, so that a download that hangs can be ended. Plain JavaScript: it runs before and after the build.
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [downloadDir] = process.argv.slice(2);
const environment = await TestWorkflowEnvironment.createLocal({
  server: { executable: { type: 'cached-download', downloadDir }, ui: false },
});
await environment.teardown();
