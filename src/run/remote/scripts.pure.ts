/**
 * Scripts for the shell of a machine (POSIX sh). Arguments are passed as `$1` and so on and are never parsed by a shell.
 * Answers are lines `key=value`; other output of a login shell is ignored. Texts that may contain a backslash are printed
 * by printf: echo turns \t into a tab in some shells.
 */
import { TEMPORARY_END } from '../../ssh/temporary.pure';
import { LOCK_FILE } from './files.pure';

/**
 * The lock file is created only if nothing has its name, links included (`set -C`), and temporary files have random names:
 * others may write in the folder.
 */
const BEGIN = `unset CDPATH
set -C
random() { od -An -N8 -tx1 /dev/urandom | tr -d ' \\n'; }
`;

/** `$1`: the work folder, the rest: folders in it. Creates them, tries to write, and reports the system. */
export const PREPARE = `${BEGIN}
mkdir -p -- "$1" && cd -- "$1" || exit 1
shift
for folder; do mkdir -p -- "$folder" || exit 1; done
probe=.cloudp2p.$(random)
printf '' > "$probe" && rm -f -- "$probe" || exit 1
printf 'dir=%s\\n' "$(pwd -P)"
echo "system=$(uname -sm)"
echo "free_kib=$(df -Pk . | tail -n 1 | sed 's/.* \\([0-9][0-9]*\\)  *[0-9-]*%.*/\\1/')"
`;

/**
 * `$1`: a folder, the rest: files in it. Prints two lines each: none, its SHA-256 or, without a tool for that, its size;
 * and its mode in the format of ls. Removes what an interrupted upload left beside it.
 */
export const DIGESTS = `${BEGIN}
cd -- "$1" || exit 1
shift
for file; do
  rm -f -- "./$file".*${TEMPORARY_END}
  if [ ! -f "$file" ]; then
    echo digest=none
    echo mode=none
    continue
  elif command -v sha256sum >/dev/null; then echo "digest=$(sha256sum < "$file" | cut -c1-64)"
  elif command -v shasum >/dev/null; then echo "digest=$(shasum -a 256 < "$file" | cut -c1-64)"
  else echo "digest=size $(wc -c < "$file" | tr -d ' ')"
  fi
  echo "mode=$(LC_ALL=C ls -ldL "./$file" | head -n 1 | cut -c1-10)"
done
`;

/** `$1`: a folder, `$2`: the prefix for the old names, the rest: files of an earlier run to rename. */
export const PUT_ASIDE = `${BEGIN}
cd -- "$1" || exit 1
prefix=$2
shift 2
for file; do
  if [ -e "$file" ]; then mv -- "$file" "$prefix$file" || exit 1; fi
done
`;

/** A pid may be reused: start and command line must match, too. */
const OURS = `${BEGIN}
start_of() {
  if [ -r "/proc/$1/stat" ]; then sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20
  else LC_ALL=C ps -o lstart= -p "$1"
  fi
}
command_of() {
  if [ -r "/proc/$1/cmdline" ]; then tr '\\0' ' ' < "/proc/$1/cmdline"
  else ps -ww -o command= -p "$1"
  fi
}
is_alive() {
  read -r pid start < stress.pid && [ -n "$start" ] && [ "$(start_of "$pid")" = "$start" ] &&
    command_of "$pid" | grep -qF -- "$(cat stress.run)"
} 2>/dev/null
`;

/**
 * `$1`: the work folder, `$2`: the run, `$3`: the text of its lock, `$4`: that of a stale lock, or empty; the rest: ids of
 * servers. Takes the lock, or prints its holder; then prints the running servers, and a running load: only the holder of
 * the lock starts any. Idempotent for the same run.
 */
export const TAKE = `${OURS}
cd -- "$1" || exit 1
new="${LOCK_FILE}.$2.$(random)" own=$3 stale=$4
shift 4
if [ -h ${LOCK_FILE} ] || { [ -e ${LOCK_FILE} ] && [ ! -f ${LOCK_FILE} ]; }; then
  echo "${LOCK_FILE} is not a regular file" >&2
  exit 1
fi
is_server() {
  command_of "$1" 2>/dev/null | grep -q ' server ' || return 1
  # The pid may belong to a server of another lab; if its folder is unknown, it counts as this one's.
  its_dir=$(cd -- "/proc/$1/cwd" 2>/dev/null && pwd -P)
  [ -z "$its_dir" ] || [ "$its_dir" = "$(pwd -P)" ]
}
# Unlike a file that is opened, a link is there with its content or not at all.
printf '%s\\n' "$own" > "$new" || exit 1
if [ -n "$stale" ] && [ "$(cat ${LOCK_FILE} 2>/dev/null)" = "$stale" ]; then
  # Of two who find it stale, the second must not remove what the first has put there.
  mv -f ${LOCK_FILE} "$new.stale" && { [ "$(cat "$new.stale")" = "$stale" ] || ln "$new.stale" ${LOCK_FILE}; }
  rm -f "$new.stale"
fi
if why=$(ln "$new" ${LOCK_FILE} 2>&1); then held=$own; else held=$(cat ${LOCK_FILE} 2>/dev/null); fi
rm -f "$new"
if [ -z "$held" ]; then
  printf '%s\\n' "$why" >&2
  exit 1
elif [ "$held" != "$own" ]; then
  printf 'held=%s\\n' "$held"
  exit 0
fi
for id; do
  [ -f "server_$id.pid" ] || continue
  pid=$(sed -n 's/.*"pid": *\\([0-9][0-9]*\\).*/\\1/p' "server_$id.pid" 2>/dev/null | head -n 1)
  if [ -n "$pid" ] && is_server "$pid"; then echo "server=$id $pid"; fi
done
if is_alive; then echo "load=$pid"; fi
`;

/** `$1`: the work folder, `$2`: the run, `$3`: the text of its lock. */
export const GIVE_BACK = `${BEGIN}
cd -- "$1" || exit 1
rm -f "${LOCK_FILE}.$2".*
if [ -f ${LOCK_FILE} ] && [ "$(cat ${LOCK_FILE} 2>/dev/null)" = "$3" ]; then rm -f ${LOCK_FILE}; fi
`;

/** `$1`: the run, the rest: a program. Supervises it, and records its pid, its start and its exit code. */
export const STAY = `${OURS}
shift
"$@" &
pid=$!
rm -f stress.pid.new stress.exit.new
# One that nobody could signal must not run.
echo "$pid $(start_of "$pid")" > stress.pid.new && mv stress.pid.new stress.pid || kill -KILL "$pid"
wait "$pid"
echo "$?" > stress.exit.new && mv stress.exit.new stress.exit
`;

/**
 * `$1`: the work folder, `$2`: the run, `$3`: the text of STAY, the rest: a program. Starts it so that it outlives the
 * connection. Idempotent for the same run.
 */
export const START = `${OURS}
cd -- "$1" || exit 1
[ "$(cat stress.run 2>/dev/null)" = "$2" ] && exit 0
if is_alive; then echo "a load is already running there (PID $pid)" >&2; exit 1; fi
stay=$3
rm -f stress.pid stress.exit stress.log stress.run
printf '%s\\n' "$2" > stress.run || exit 1
run=$2
shift 3
nohup $(command -v setsid) sh -c "$stay" sh "$run" "$@" < /dev/null > stress.log 2>&1 &
`;

/** `$1`: the work folder, `$2`: the run. Prints the state of its load, and its last output. */
export const LOOK = `${OURS}
cd -- "$1" || exit 1
if [ "$(cat stress.run 2>/dev/null)" != "$2" ]; then echo state=none
elif [ -f stress.exit ]; then echo "state=ended $(cat stress.exit)"
elif [ ! -f stress.pid ]; then echo state=starting
elif is_alive; then echo state=running
else echo state=gone
fi
printf 'last=%s\\n' "$(tail -n 1 stress.log 2>/dev/null | cut -c1-400)"
`;

/** `$1`: the work folder, `$2`: the run, `$3`: a signal. Sends it to the load. */
export const SIGNAL = `${OURS}
cd -- "$1" || exit 1
[ "$(cat stress.run 2>/dev/null)" = "$2" ] && is_alive && kill "-$3" "$pid"
exit 0
`;

/** Returns the values of the lines `key=value`, in order. */
export function valuesOf(output: string, key: string): string[] {
  const lines = output.split('\n').filter((line) => line.startsWith(`${key}=`));
  return lines.map((line) => line.slice(key.length + 1));
}
