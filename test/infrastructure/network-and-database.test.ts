import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { propertiesOf, resource, resourcesOf, templateOf, testsOf } from './templates.ts';

const prod = templateOf('prod');
const dev = templateOf('dev');

const NAT_SCRIPT = readFileSync('lib/network/nat-instance.sh', 'utf8');

describe('the way out', () => {
  test.each([
    ['dev', 't4g.nano'],
    ['staging', 't4g.nano'],
    ['custom', 't4g.micro'],
  ] as const)('is a NAT instance in %s, a %s', (name, InstanceType) => {
    const template = templateOf(name);
    expect(propertiesOf(template, 'AWS::EC2::NatGateway')).toHaveLength(0);
    expect(resource(template, 'AWS::EC2::Instance').Properties).toMatchObject({
      InstanceType,
      SourceDestCheck: false,
      UserData: { 'Fn::Base64': NAT_SCRIPT },
      BlockDeviceMappings: [{ Ebs: { Encrypted: true } }],
    });
  });

  test.each([
    ['prod', 'AWS::EC2::NatGateway'],
    ['custom', 'AWS::EC2::Instance'],
  ] as const)('in %s, every private subnet leads to it', (name, type) => {
    const template = templateOf(name);
    const wayOut = resource(template, type);
    const routes = Object.entries(resourcesOf(template, 'AWS::EC2::Route'));
    const ofPrivate = routes.filter(([id]) => id.includes('PrivateSubnet')).map(([, { Properties }]) => Properties);
    const shown = ofPrivate.map((one) => [one.DestinationCidrBlock, one.NatGatewayId ?? one.InstanceId]);
    expect(shown).toEqual(Array(2).fill(['0.0.0.0/0', { Ref: wayOut.id }]));
  });

  testsOf(dev)('the NAT instance answers HTTPS of the VPC, and nobody outside', 'EC2::SecurityGroup', 'NetworkVpcNat', {
    SecurityGroupIngress: [{ CidrIp: '10.73.0.0/24', FromPort: 443, ToPort: 443 }],
  });

  test('the NAT instance boots only where the internet can be reached', () => {
    const { DependsOn } = resource(dev, 'AWS::EC2::Instance');
    for (const id of ['NetworkVpcPublicSubnet1DefaultRoute', 'NetworkVpcPublicSubnet1RouteTableAssociation'])
      expect(DependsOn).toContainEqual(expect.stringMatching(`^${id}`));
  });

  test('has the addresses and the zones of the settings', () => {
    const custom = templateOf('custom');
    expect(resource(custom, 'AWS::EC2::VPC').Properties.CidrBlock).toBe('10.74.0.0/22');
    const zones = propertiesOf(custom, 'AWS::EC2::Subnet').map(({ AvailabilityZone: zone }) => zone);
    expect([...new Set(zones)]).toEqual(['eu-central-1b', 'eu-central-1c']);
  });

  test('isolated subnets lead nowhere', () => {
    const routes = Object.keys(resourcesOf(prod, 'AWS::EC2::Route'));
    expect(routes.filter((id) => id.includes('Isolated'))).toEqual([]);
  });

  test("the VPC's default security group, which nothing is in, lets nobody in or out", () => {
    expect(propertiesOf(prod, 'Custom::VpcRestrictDefaultSG')).toHaveLength(1);
  });

  testsOf(prod)('rejected traffic is logged', 'EC2::FlowLog', '', { TrafficType: 'REJECT' });
});

describe('the script of the NAT instance', () => {
  /** @returns what it writes into a file. */
  const written = (path: string) =>
    new RegExp(`cat > ${path} <<'(\\w+)'\\n([^]*?)\\n\\1\\n`).exec(NAT_SCRIPT)?.[2] ?? '';
  const wayOut = written('/usr/local/sbin/way-out');
  const unit = written('/etc/systemd/system/way-out.service');

  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'crypto-prices-way-out-'));
    for (const name of ['bash', 'sed', 'cat', 'rm', 'chmod'])
      symlinkSync(existsSync(`/bin/${name}`) ? `/bin/${name}` : `/usr/bin/${name}`, join(folder, name));
    for (const name of ['dd', 'mkswap', 'mv', 'swapon', 'sysctl', 'sleep']) command(name, '');
    command('grep', 'exit 1');
    command('ip', 'echo default via 10.73.0.1 dev ens5 proto dhcp');
    // As on a new instance: there is no nft before dnf installed it.
    command(
      'dnf',
      `case $1 in install) cat > "${folder}/nft" <<'NFT'\n#!/bin/bash\ncat > "${folder}/rules"\nNFT\n"${folder}/chmod" 755 "${folder}/nft";; esac`,
    );
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Puts a command into the place of the instance's own. Each use is noted. */
  function command(name: string, script: string): void {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/bash\necho "${name} $*" >> "${folder}/uses"\n${script}\n`);
    chmodSync(file, 0o755);
  }

  /** Runs the way out as its unit does. */
  function run() {
    const script = wayOut.replaceAll('/swapfile', `${folder}/swapfile`);
    const { status, stdout } = spawnSync('/bin/bash', ['-c', script], { env: { PATH: folder }, encoding: 'utf8' });
    const noted = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '');
    return { status, stdout, uses: noted('uses'), rules: noted('rules') };
  }

  test('is bash', () => {
    const { stderr, status } = spawnSync('bash', ['-n'], { input: NAT_SCRIPT, encoding: 'utf8' });
    expect([stderr, status]).toEqual(['', 0]);
  });

  test('leaves a unit that runs at each boot, and again until it succeeds', () => {
    for (const line of [
      ...['ExecStart=/usr/local/sbin/way-out', 'Restart=on-failure', 'StartLimitIntervalSec=0'],
      // What it says can be read without a way in: aws ec2 get-console-output.
      ...['WantedBy=multi-user.target', 'StandardOutput=journal+console'],
    ])
      expect(unit.split('\n')).toContain(line);
    expect(NAT_SCRIPT).toContain('systemctl enable --now --no-block way-out.service');
  });

  test('makes swap before it installs its one package, then forwards and masquerades', () => {
    const { status, stdout, uses, rules } = run();
    expect([status, stdout.trim()]).toEqual([0, 'Routing by ens5']);
    expect(uses).toMatch(
      /mkswap .*swapon .*dnf install -y --setopt=install_weak_deps=False nftables\n.*sysctl -q -w net\.ipv4\.ip_forward=1/s,
    );
    expect(rules).toContain('oifname "ens5" masquerade');
  });

  test('installs nothing once it has what it needs, as after a reboot', () => {
    run();
    rmSync(join(folder, 'uses'));
    const { status, uses } = run();
    expect(status).toBe(0);
    expect(uses).not.toContain('dnf');
  });

  test('waits for its default route', () => {
    command('ip', `[ -e "${folder}/asked" ] && echo default dev ens6 || cat > "${folder}/asked" <<< yes`);
    expect(run().stdout).toBe('Waiting for the default route\nRouting by ens6\n');
  });

  test('an install that fails ends it with a failure, on an empty cache for the next try', () => {
    command('dnf', '[ "$1" = clean ]');
    const { status, uses, rules } = run();
    expect(status).toBe(1);
    expect(uses).toContain('dnf clean all');
    expect(rules).toBe('');
  });

  test('goes on without swap', () => {
    command('mkswap', 'exit 1');
    const { status, stdout } = run();
    expect(status).toBe(0);
    expect(stdout).toContain('No swap file could be made');
  });
});

describe('the database', () => {
  const database = resource(prod, 'AWS::RDS::DBInstance');
  const has = testsOf(prod);

  has(
    'is a private PostgreSQL 18 on a t4g.micro with encrypted gp3 storage, whose password RDS makes',
    'RDS::DBInstance',
    '',
    {
      ...{ Engine: 'postgres', EngineVersion: '18', DBInstanceClass: 'db.t4g.micro', StorageEncrypted: true },
      ...{ StorageType: 'gp3', AllocatedStorage: '20', MaxAllocatedStorage: 40, PubliclyAccessible: false },
      ...{ ManageMasterUserPassword: true, EnableCloudwatchLogsExports: ['postgresql'] },
    },
  );
  has('takes TLS only, and logs slow statements', 'RDS::DBParameterGroup', '', {
    Family: 'postgres18',
    Parameters: { 'rds.force_ssl': '1', log_min_duration_statement: '500' },
  });
  has('stands in isolated subnets', 'RDS::DBSubnetGroup', '', {
    SubnetIds: [1, 2].map((zone) => ({ Ref: expect.stringMatching(`^NetworkVpcIsolatedSubnet${zone}Subnet`) })),
  });
  testsOf(templateOf('custom'))('has the size of the settings', 'RDS::DBInstance', '', {
    ...{ DBInstanceClass: 'db.t4g.small', AllocatedStorage: '50', MaxAllocatedStorage: 100, BackupRetentionPeriod: 1 },
  });

  test('logs into a group that expires; the password stands nowhere in the template', () => {
    const log = resource(prod, 'AWS::Logs::LogGroup', 'DatabaseLog');
    expect(log.Properties.LogGroupName).toBe(
      `/aws/rds/instance/${database.Properties.DBInstanceIdentifier}/postgresql`,
    );
    expect(database.DependsOn).toContain(log.id);
    expect(database.Properties.MasterUserPassword).toBeUndefined();
  });

  test.each([
    ['prod', 14, false, 'Snapshot'],
    ['dev', 1, true, 'Delete'],
  ] as const)('in %s backups are kept for %i days, and go with the stack: %s', (name, days, isDeleted, policy) => {
    const { Properties, DeletionPolicy } = resource(templateOf(name), 'AWS::RDS::DBInstance');
    expect(Properties).toMatchObject({ BackupRetentionPeriod: days, DeleteAutomatedBackups: isDeleted });
    expect(DeletionPolicy).toBe(policy);
  });
});
