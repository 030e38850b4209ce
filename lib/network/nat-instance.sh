#!/bin/bash
# Makes a new instance the way out of its VPC. This runs once, at the first boot. The unit that it writes does the work,
# again after each reboot, and again every few seconds until it succeeds.
set -euo pipefail

cat > /usr/local/sbin/way-out <<'SCRIPT'
#!/bin/bash
set -euo pipefail

device=
while [ -z "$device" ]; do
  device=$(ip -4 route show default | sed -n '1s/.* dev \([^ ]*\).*/\1/p')
  [ -n "$device" ] || { echo 'Waiting for the default route'; sleep 2; }
done

# The memory of a small instance is not enough to install anything.
make_swap() {
  if [ ! -f /swapfile ]; then
    rm -f /swapfile.new
    (umask 077 && dd if=/dev/zero of=/swapfile.new bs=1M count=512 status=none) &&
      mkswap /swapfile.new && mv /swapfile.new /swapfile || return
  fi
  grep -q '^/swapfile ' /proc/swaps || swapon /swapfile
}
make_swap || echo 'No swap file could be made'

# At the first boot another dnf may run, and empty the cache under this one. Then the unit tries again.
if ! command -v nft > /dev/null; then
  dnf install -y --setopt=install_weak_deps=False nftables || { dnf clean all; exit 1; }
fi

sysctl -q -w net.ipv4.ip_forward=1
nft -f - <<RULES
table ip way_out
delete table ip way_out
table ip way_out {
  chain postrouting {
    type nat hook postrouting priority 100;
    oifname "$device" masquerade
  }
}
RULES
echo "Routing by $device"
SCRIPT
chmod 755 /usr/local/sbin/way-out

cat > /etc/systemd/system/way-out.service <<'UNIT'
[Unit]
Description=Way out of the VPC
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/way-out
Restart=on-failure
RestartSec=5
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now --no-block way-out.service
