// SPDX-License-Identifier: Apache-2.0
// What a producer owes its consumers: who asked for how much, what is kept for whom, what the stage has still to be asked
// for. Pure: it decides, the engine sends.
//
//      stage --add--> [ queue, one or one a partition ] --deliver: at most what was asked--> lanes, one a consumer
//        ^--- need: what lanes want, less what is kept, less what the stage was told before ---'
//
// Told is what the stage was asked for and has not emitted: it is never asked twice for the same, also when the consumer
// that wanted it has gone. A stage that will not emit it any more says so.

/// One consumer, as its producer counts it.
///
/// Not generic: what is looked at for each message must not look up types.
struct OutflowLane {
    let id: UInt64
    /// Asked for, and not delivered.
    var asked = 0
    var partition = 0
    var hasFilter = false

    /// More than anybody handles, so that sums do not overflow.
    static var askedMax: Int { 1 << 40 }

    mutating func ask(_ count: Int) { asked = min(Self.askedMax, asked + min(count, Self.askedMax)) }
}

struct Outflow<Event: Sendable> {
    private enum Sharing { case demand, broadcast, partition }

    private let sharing: Sharing
    private let partitionOf: (@Sendable (Event) -> Int)?
    private let buffer: StageBuffer
    private(set) var lanes: [OutflowLane] = []
    private var filters: [UInt64: @Sendable (Event) -> Bool] = [:]
    private var queues: [EventQueue<Event>]
    /// Events kept, in all queues.
    private(set) var buffered = 0
    private var told = 0
    /// Over the capacity, since the beginning.
    private(set) var dropped = 0

    init(_ dispatcher: Dispatcher<Event>, _ buffer: StageBuffer) {
        self.buffer = buffer
        var count = 1
        switch dispatcher.kind {
        case .demand: (sharing, partitionOf) = (.demand, nil)
        case .broadcast: (sharing, partitionOf) = (.broadcast, nil)
        case .partition(let partitions, let index):
            (sharing, partitionOf) = (.partition, index)
            count = partitions
        }
        queues = Array(repeating: EventQueue(), count: count)
    }

    // MARK: Consumers

    /// A consumer comes.
    mutating func join(
        _ id: UInt64, partition: Int? = nil, accepts: (@Sendable (Event) -> Bool)? = nil
    ) throws(StageError) {
        if accepts != nil, sharing != .broadcast { throw .notSupported }
        var lane = OutflowLane(id: id)
        if sharing == .partition {
            guard let partition, queues.indices.contains(partition) else { throw .noPartition(partition) }
            if lanes.contains(where: { $0.partition == partition }) { throw .partitionTaken(partition) }
            lane.partition = partition
        } else if partition != nil {
            throw .notSupported
        }
        lane.hasFilter = accepts != nil
        filters[id] = accepts
        lanes.append(lane)
    }

    /// Who has a partition.
    func holder(of partition: Int?) -> UInt64? {
        guard sharing == .partition, let partition else { return nil }
        return lanes.first { $0.partition == partition }?.id
    }

    /// A consumer goes; what it asked for is wanted no more.
    mutating func leave(_ id: UInt64) {
        lanes.removeAll { $0.id == id }
        filters[id] = nil
    }

    mutating func ask(_ id: UInt64, _ count: Int) {
        for index in lanes.indices where lanes[index].id == id { return lanes[index].ask(count) }
    }

    // MARK: Demand

    /// What consumers want beyond what is kept; negative: more is kept.
    var wanted: Int {
        if sharing == .broadcast { return slowest - buffered }
        var asked = 0
        for lane in lanes { asked += lane.asked }
        return asked - buffered
    }

    /// The least that a consumer asked for; 0 without any.
    private var slowest: Int {
        guard var least = lanes.first?.asked else { return 0 }
        for lane in lanes { least = min(least, lane.asked) }
        return least
    }

    /// Whether anything is kept that somebody will ask for; the consumer of a partition may be still to come.
    var isOwing: Bool { buffered > 0 && !lanes.isEmpty }

    /// Whether the stage is to be asked for more.
    var hasNeed: Bool { wanted > told }

    /// What the stage is to be asked for; it is told with that.
    mutating func takeNeed() -> Int {
        let need = max(0, wanted - told)
        told += need
        return need
    }

    /// What it was asked for, the stage will not emit.
    mutating func forgive() { told = 0 }

    // MARK: Events

    /// The stage has emitted.
    mutating func add(_ events: consuming [Event]) throws(StageError) {
        let count = events.count
        told = max(0, told - count)
        buffered += count
        guard let partitionOf else { return queues[0].append(events) }
        for event in events {
            let partition = partitionOf(event)
            guard queues.indices.contains(partition) else { throw .noPartition(partition) }
            queues[partition].append(event)
        }
    }

    /// Hands out what is asked for, and drops what then is over the capacity; how many.
    mutating func deliver(_ send: (UInt64, [Event]) -> Void) -> Int {
        if buffered == 0 { return 0 }
        switch sharing {
        case .demand: deliverByDemand(send)
        case .broadcast: broadcast(send)
        case .partition: deliverByPartition(send)
        }
        if buffered <= buffer.capacity { return 0 }
        var excess = 0
        for index in queues.indices { excess += queues[index].trim(to: buffer) }
        buffered -= excess
        dropped += excess
        return excess
    }

    private mutating func deliverByDemand(_ send: (UInt64, [Event]) -> Void) {
        while buffered > 0 {
            var best = 0
            for index in lanes.indices where lanes[index].asked > lanes[best].asked { best = index }
            guard best < lanes.count, lanes[best].asked > 0 else { return }
            give(best, take(min(lanes[best].asked, buffered)), send)
        }
    }

    private mutating func broadcast(_ send: (UInt64, [Event]) -> Void) {
        // Each round uses up one lane at least, or all events; or filters have refused some.
        while buffered > 0, case let most = slowest, most > 0 {
            let events = take(min(most, buffered))
            for index in lanes.indices {
                var accepted = events
                if lanes[index].hasFilter, let accepts = filters[lanes[index].id] { accepted = events.filter(accepts) }
                if !accepted.isEmpty { give(index, accepted, send) }
            }
        }
    }

    private mutating func deliverByPartition(_ send: (UInt64, [Event]) -> Void) {
        for index in lanes.indices {
            let partition = lanes[index].partition
            let count = min(lanes[index].asked, queues[partition].count)
            if count > 0 { give(index, take(count, of: partition), send) }
        }
    }

    private mutating func take(_ count: Int, of queue: Int = 0) -> [Event] {
        buffered -= count
        return queues[queue].take(count)
    }

    private mutating func give(_ index: Int, _ events: [Event], _ send: (UInt64, [Event]) -> Void) {
        lanes[index].asked -= events.count
        send(lanes[index].id, events)
    }
}
