import type { HandoffSettings } from './settings';

const MODEL = `: "\${MODEL:?must name the folder of the base model}"`;

/**
 * What starts train.py, by file name: on one node, on several, by Slurm, by Kubeflow's Trainer. (Ray's script is the same
 * for every hand-off: ray_train.py.)
 *
 * Source: torch 2.13.0 distributed/run.py; Slurm's sbatch; Kubeflow Trainer 2.3.0, trainer.kubeflow.org/v1alpha1
 */
export function launchFiles({ world }: Pick<HandoffSettings, 'world'>): Record<string, string> {
  return {
    'one-node.sh': oneNode(world),
    'nodes.sh': nodes(world),
    'slurm.sbatch': slurm(world),
    'trainjob.yaml': trainJob(world),
  };
}

type Processes = HandoffSettings['world'];

const oneNode = ({ processes }: Processes): string => `#!/usr/bin/env bash
# All ${processes} processes on one machine: MODEL=FOLDER bash launch/one-node.sh [options of train.py]
set -euo pipefail
${MODEL}
cd "$(dirname "$0")/.."
exec torchrun --standalone --nproc-per-node ${processes} train.py "$@"
`;

const nodes = ({ nodes, processesPerNode }: Processes): string => `#!/usr/bin/env bash
# On each of ${nodes} machines, at the same time: MODEL=FOLDER HEAD=HOST:PORT bash launch/nodes.sh [options of train.py]
# HOST is one of them, PORT is free there; all see this folder and MODEL under the same paths.
set -euo pipefail
${MODEL}
: "\${HEAD:?must be HOST:PORT of one of the machines}"
cd "$(dirname "$0")/.."
exec torchrun --nnodes ${nodes} --nproc-per-node ${processesPerNode} \\
  --rdzv-id handoff --rdzv-backend c10d --rdzv-endpoint "$HEAD" train.py "$@"
`;

const slurm = ({ nodes, processesPerNode }: Processes): string => `#!/usr/bin/env bash
# From this folder: MODEL=FOLDER sbatch launch/slurm.sbatch [options of train.py]
# Add what your cluster asks for: --partition, --account, --time, --cpus-per-task, --mem.
#SBATCH --job-name=med42-handoff
#SBATCH --nodes=${nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=${processesPerNode}
#SBATCH --output=slurm-%j.out
set -euo pipefail
${MODEL}
cd "$SLURM_SUBMIT_DIR"
head="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)"
srun torchrun --nnodes ${nodes} --nproc-per-node ${processesPerNode} \\
  --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$head:\${PORT:-29500}" train.py "$@"
`;

const trainJob = ({
  nodes,
  processesPerNode,
}: Processes): string => `# kubectl apply -f launch/trainjob.yaml, with Kubeflow Trainer 2 and its runtime torch-distributed installed.
# Change first: the image (requirements.txt installed), and the claims that hold this folder and the base model.
apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
metadata:
  name: med42-handoff
spec:
  runtimeRef:
    name: torch-distributed
  trainer:
    image: registry.example.org/med42-handoff:1
    numNodes: ${nodes}
    numProcPerNode: ${processesPerNode}
    command: [torchrun, /handoff/train.py, --model, /model, --out, /handoff/out]
    resourcesPerNode:
      limits:
        nvidia.com/gpu: "${processesPerNode}"
  runtimePatches:
    - manager: example.org/med42-handoff
      trainingRuntimeSpec:
        template:
          spec:
            replicatedJobs:
              - name: node
                template:
                  spec:
                    template:
                      spec:
                        volumes:
                          - name: handoff
                            persistentVolumeClaim:
                              claimName: handoff
                          - name: model
                            persistentVolumeClaim:
                              claimName: model
                              readOnly: true
                        containers:
                          - name: node
                            volumeMounts:
                              - name: handoff
                                mountPath: /handoff
                              - name: model
                                mountPath: /model
                                readOnly: true
`;
