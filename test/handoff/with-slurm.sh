#!/usr/bin/env bash
# Runs a command with a one-node Slurm on this machine, without an account or authentication, and takes it away after.
#
#     sudo test/handoff/with-slurm.sh COMMAND...
#
# Debian's package slurm-wlm (22.05 was used). Nothing of the system's own Slurm is touched: all lies in a folder of its own.
set -euo pipefail

work="$(mktemp -d)"
host="$(hostname -s)"
export SLURM_CONF="$work/slurm.conf"
mkdir "$work/state" "$work/spool"
cat > "$SLURM_CONF" << END
ClusterName=alone
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmctldPort=26817
SlurmdPort=26818
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
slurmctld -D > /dev/null 2>&1 &
controller=$!
slurmd -D -N "$host" > /dev/null 2>&1 &
daemon=$!
stop() {
  kill "$daemon" "$controller" 2> /dev/null || true
  wait "$daemon" "$controller" 2> /dev/null || true
  rm -rf "$work"
}
trap stop EXIT
for _ in $(seq 60); do
  if sinfo -h -o %T 2> /dev/null | grep -q idle; then ready=yes && break; fi
  sleep 1
done
if [ "${ready:-}" != yes ]; then
  tail -n 15 "$work"/*.log >&2
  echo 'with-slurm: its node did not come up; the logs end as above' >&2
  exit 1
fi
"$@"
