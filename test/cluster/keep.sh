#!/usr/bin/env bash
# Keeps a cluster for as long as its standard input is open: whatever becomes of the one who asked for it, nothing is left.
# usage: keep.sh CLUSTER_SCRIPT FOLDER   prints "up", or the reason why not, and then waits
set -u
script=$1 folder=$2
# A terminal signals the whole group; the end of the input tells when it is time.
trap '' INT TERM HUP

settings="net.ipv4.ip_forward net.ipv4.conf.all.route_localnet vm.overcommit_memory kernel.panic kernel.panic_on_oops"
before=$(for name in $settings; do echo "$name=$(sysctl -n "$name")"; done)
networks=$(ls /run/netns 2>/dev/null)

# What cluster.sh leaves: the Pods' networks, its bridge, chains, cgroups and links to logs.
sweep() {
  for name in $(ls /run/netns 2>/dev/null | grep '^cni-'); do
    grep -qxF "$name" <<<"$networks" || ip netns delete "$name"
  done
  ip link delete cni-test
  for tables in iptables ip6tables; do "$tables-save" | grep -v KUBE- | "$tables-restore"; done
  find /sys/fs/cgroup/*/kubepods -depth -type d -exec rmdir {} \;
  rm -f /var/lib/cni/results/pods-* /var/lib/cni/results/cni-loopback-*
  find /var/log/containers -lname "$folder/*" -delete
  for setting in $before; do sysctl -qw "$setting"; done
  rm -rf "$folder"
}

if curl -sk --max-time 2 -o /dev/null https://127.0.0.1:6443; then
  echo "a cluster runs on this machine already, and its ports are fixed: end it first"
  exit 1
fi
mkdir -p "$folder"
if "$script" up "$folder" >"$folder/up.log" 2>&1; then echo up; else tail -n 5 "$folder/up.log"; fi
exec >&2
cat >/dev/null
"$script" down "$folder" >/dev/null 2>&1
sweep >"${folder%/}.sweep.log" 2>&1 || true
rm -f "${folder%/}.sweep.log"
