# Boots a systemd in namespaces of its own, for tests/machines.py: `unshare ... sh machine.sh OUTER USER UID PATH...`,
# where OUTER is the mount namespace of the caller, and the paths are what the tests need of its files.
#
# Nothing of it may reach the computer of the tests. Its root is an overlay whose writes stay in memory, its devices,
# /proc, /run and cgroups are its own, and the units that would tidy up or set the kernel are masked.
set -eu
outer=$1 user=$2 uid=$3
shift 3
if [ $$ != 1 ] || [ "$(readlink /proc/self/ns/mnt)" = "$outer" ]; then
	echo "machine.sh: not in namespaces of its own" >&2
	exit 1
fi

mount --make-rprivate /
box=/mnt
mount -t tmpfs -o mode=755 tmpfs $box
mkdir $box/upper $box/work $box/root
mount -t overlay overlay -o lowerdir=/,upperdir=$box/upper,workdir=$box/work $box/root
root=$box/root
for place in run dev sys var/lib/systemd etc/systemd/system; do
	mount -t tmpfs -o mode=755 tmpfs $root/$place
done
mknod -m 666 $root/dev/null c 1 3
mknod -m 666 $root/dev/zero c 1 5
mknod -m 666 $root/dev/full c 1 7
mknod -m 666 $root/dev/random c 1 8
mknod -m 666 $root/dev/urandom c 1 9
mknod -m 666 $root/dev/tty c 5 0
mkdir $root/dev/pts $root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts $root/dev/pts
mount -t tmpfs -o mode=1777 tmpfs $root/dev/shm
ln -s pts/ptmx $root/dev/ptmx
ln -s /proc/self/fd $root/dev/fd
mount -t proc proc $root/proc
mount --bind $root/proc/sys $root/proc/sys
mount -o remount,bind,ro $root/proc/sys
mkdir -p $root/sys/fs/cgroup
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
for path; do # one on a disk of its own is not in the overlay
	[ -n "$(ls -A "$root$path" 2>/dev/null)" ] && continue
	mkdir -p "$root$path"
	mount --bind "$path" "$root$path"
	mount -o remount,bind,ro "$root$path"
done
cd $root
mkdir .old
pivot_root . .old
cd /
umount -l /.old

# From here on there is no way back to the computer's own files; without that, nothing more happens.
[ "$(stat -f -c %T /)" = overlayfs ] && [ -z "$(ls -A /.old)" ]

echo "$user:x:$uid:$uid::/home/$user:/bin/sh" >>/etc/passwd
echo "$user:x:$uid:" >>/etc/group
echo "$user:*:19000:0:99999:7:::" >>/etc/shadow
mkdir -p /home/$user /var/log/journal /run/lock
chown $uid:$uid /home/$user
# The code under test may lie where only root may look.
for path; do
	while [ "$path" != / ]; do
		chmod o+rx "$path" || true
		path=$(dirname "$path")
	done
done
for unit in tmpfiles-setup tmpfiles-setup-dev tmpfiles-clean sysctl sysusers udevd update-utmp machine-id-commit \
	random-seed timesyncd networkd modules-load binfmt; do
	ln -s /dev/null /etc/systemd/system/systemd-$unit.service
done
cat >/etc/systemd/system/awsync-test.target <<TARGET
[Unit]
Requires=systemd-journald.service dbus.socket systemd-logind.service multi-user.target
After=systemd-journald.service
AllowIsolate=yes
TARGET
# A computer's own services have no business here: only what is named above, and what is installed meanwhile.
for unit in /lib/systemd/system/multi-user.target.wants/* /lib/systemd/system/sysinit.target.wants/*; do
	case $unit in *systemd-journal* | *logind* | *.mount | *.path | *.target | *dbus*) ;; *) ln -sf /dev/null "/etc/systemd/system/${unit##*/}" ;; esac
done
container=unshare
export container
exec setpriv --bounding-set -sys_module,-sys_boot,-sys_time,-mknod,-sys_rawio,-syslog --inh-caps -all \
	/lib/systemd/systemd --system --unit=awsync-test.target --log-target=null --show-status=no
