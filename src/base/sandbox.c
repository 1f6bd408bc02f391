/* src/base/sandbox.c: confinement of a process: no new privileges, no core dumps, landlock, memory limit */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "surel/base.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* LeakSanitizer attaches to its own process and the shadow memory is terabytes of address space. */
#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
#else
enum { SANITIZED = 0 };
#endif

/* Rights newer than the header this is built with (ABI 2, 3 of the kernel's landlock.rst). */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

static const uint64_t rights_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t rights_file = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;

/* Every file-system right that this kernel's ABI version knows and we do not want to leave open. */
static uint64_t
rights_handled(int abi)
{
	uint64_t rights = (1ULL << 13) - 1;	/* ABI 1: EXECUTE .. MAKE_SYM */
	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	return rights;
}

static bool
landlock_allow(int ruleset, const char *path, uint64_t rights)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	if (fd < 0)
		return errno == ENOENT;		/* what is not there needs no rule */
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rights &= rights_file;
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
	bool ok = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
	close(fd);
	return ok;
}

static bool
landlock_fill(int ruleset, const char *const *dirs, uint64_t rights)
{
	bool ok = true;
	for (size_t i = 0; dirs && dirs[i]; i++)
		ok = landlock_allow(ruleset, dirs[i], rights) && ok;
	return ok;
}

static bool
landlock_enter(const char *const *read_dirs, const char *const *write_dirs)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1) {
		log_info(LOG_MAIN, "sandbox: this kernel has no landlock; files are not confined");
		return false;
	}
	uint64_t handled = rights_handled(abi);
	struct landlock_ruleset_attr attr = { .handled_access_fs = handled };
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return false;
	uint64_t write_rights = handled & ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK);
	bool ok = landlock_fill(ruleset, read_dirs, rights_read) && landlock_fill(ruleset, write_dirs, write_rights);
	ok = ok && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	close(ruleset);
	return ok;
}

void
sandbox_enter(const char *const *read_dirs, const char *const *write_dirs, unsigned max_memory_mb)
{
	struct rlimit none = { 0, 0 };
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		log_warn(LOG_MAIN, "sandbox: core dumps stay possible: %s", g_strerror(errno));
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		log_warn(LOG_MAIN, "sandbox: stays dumpable: %s", g_strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_warn(LOG_MAIN, "sandbox: new privileges stay possible: %s", g_strerror(errno));
	else if ((read_dirs || write_dirs) && !landlock_enter(read_dirs, write_dirs))
		log_warn(LOG_MAIN, "sandbox: files are not confined: %s", g_strerror(errno));
	struct rlimit memory = { (rlim_t)max_memory_mb << 20, (rlim_t)max_memory_mb << 20 };
	if (!SANITIZED && max_memory_mb && setrlimit(RLIMIT_AS, &memory) != 0)
		log_warn(LOG_MAIN, "sandbox: memory is not limited: %s", g_strerror(errno));
}
