#!/usr/bin/env bash
# Proposes one shard of the fleet: propose-shard.sh REPOSITORY "ENV ENV …" PRUNE
#
# In a fleet that is shared out, each environment has a pull request of its own: those of a shard change from run to run,
# and a pull request is found again by its environments. Where an environment is gone, or without ENV, all are proposed
# together: only that removes files.
set -euo pipefail

repository=$1 prune=$3
read -r -a environments <<<"$2"
if [[ $prune == true ]] || ((${#environments[@]} == 0)); then
  exec dirops propose --repo "$repository"
fi
status=0
for environment in "${environments[@]}"; do
  dirops propose --repo "$repository" "$environment" || status=$?
done
exit "$status"
