/* What this process may use of the machine, beyond what fastconv.h shows. See cpu.c. */
#ifndef FC_CPU_H
#define FC_CPU_H

/* The CPU quota of the control groups in the file `membership` (as /proc/self/cgroup), looked up
 * under `root` (as /sys/fs/cgroup) and rounded up to whole CPUs; 0: no limit. Apart for tests. */
int fc_cgroup_cpus(const char *membership, const char *root);

#endif
