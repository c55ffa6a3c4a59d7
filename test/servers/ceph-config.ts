/** The differences between the light cluster, for every test run, and the one that is broken under load. */
export interface CephShape {
  /** How many OSDs; each has all data of `copies` of them. */
  osds: number
  copies: number
  /** `memstore` loses everything when it is killed; `bluestore` is the real one. */
  store: 'memstore' | 'bluestore'
  /** A manager: for the larger form. */
  manager: boolean
}

export const light: CephShape = { osds: 1, copies: 1, store: 'memstore', manager: false }
export const heavy: CephShape = { osds: 3, copies: 3, store: 'bluestore', manager: true }

/** A configuration for a cluster on this machine alone, without authentication inside, that starts at once. */
export function cephConfig(
  folder: string,
  id: string,
  ports: { monitor: number; gateway: number },
  shape: CephShape,
): string {
  return `[global]
fsid = ${id}
mon host = v2:127.0.0.1:${ports.monitor}
ms bind ipv6 = false
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = false
ms mon client mode = crc
run dir = ${folder}/run
log file = ${folder}/log/$name.log
crash dir = ${folder}/log
admin socket =
pid file =
osd pool default size = ${shape.copies}
osd pool default min size = ${Math.min(shape.copies, 2)}
osd crush chooseleaf type = 0
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 2
mon tick interval = 1
mon osd adjust heartbeat grace = false
mon osd min down reporters = 1
osd heartbeat interval = 1
osd heartbeat grace = 4
paxos propose interval = 0.02
paxos min wait = 0.01
[mon]
mon data = ${folder}/mon
mon initial members = a
[osd]
osd data = ${folder}/osd.$id
osd objectstore = ${shape.store}
memstore device bytes = 2147483648
bluestore block size = 2147483648
bluestore fsck on mount = false
osd recovery sleep = 0
osd recovery max active = 16
osd max backfills = 8
osd class load list = *
osd class default list = *
[mgr]
mgr data = ${folder}/mgr
mgr initial modules =
[client]
keyring = ${folder}/keyring
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${ports.gateway} tcp_nodelay=1
rgw data = ${folder}/rgw
rgw dns name = s3.localhost
rgw thread pool size = 64
rgw rados pool pg num min = 2
rgw override bucket index max shards = 1
rgw enable usage log = false
rgw lc debug interval = -1
`
}
