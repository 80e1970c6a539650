# frozen_string_literal: true

# The producer of the Sidekiq peer; its commands are those of client.py.

require_relative "worker"

CHUNK = 1000

def payload(kind, stamp_ns = 0)
  "#{kind} #{stamp_ns} ".ljust(200, "x")
end

def bulk(kind, count)
  arguments = Array.new(count) { [payload(kind)] }
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  arguments.each_slice(CHUNK) { |slice| Sidekiq::Client.push_bulk("class" => Work, "args" => slice) }
  Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
end

def one(kind)
  Work.perform_async(payload(kind, Peer.now_ns))
  "ok"
end

def at(count)
  base = Peer.now_ns + 1_000_000_000
  count.times do |index|
    due = base + 2_000_000_000 * index / count
    Work.perform_at(due / 1e9, payload("d", due))
  end
  "ok"
end

$stdout.sync = true
puts "ready"
while (line = $stdin.gets)
  case line.split
  in ["bulk", kind, count] then puts bulk(kind, count.to_i)
  in ["one", kind] then puts one(kind)
  in ["at", count] then puts at(count.to_i)
  end
end
