# frozen_string_literal: true

# The job of the Sidekiq peer, as job.py is for those in Python; loaded by the command `sidekiq` and by client.rb.

require "sidekiq"

Sidekiq.configure_server { |config| config.redis = {url: ENV.fetch("PEER_URL")} }
Sidekiq.configure_client { |config| config.redis = {url: ENV.fetch("PEER_URL")} }
Sidekiq.logger.level = Logger::WARN

# Notes the starts of jobs.
module Peer
  EXPECTED = ENV.fetch("PEER_JOBS", "0").to_i
  HOLD_SECONDS = 3600
  LOCK = Mutex.new
  @count = 0

  def self.now_ns
    Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
  end

  def self.started(text)
    now = now_ns
    kind, stamp = text.split(" ", 3)
    if kind == "n"
      count(now)
    elsif kind != "w"
      say("#{kind} #{stamp} #{now}")
    end
    sleep HOLD_SECONDS if kind == "h"
  end

  def self.count(now)
    number = LOCK.synchronize { @count += 1 }
    return unless number == 1 || number == EXPECTED

    cpu = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID, :microsecond)
    say("#{number == 1 ? "began" : "ended"} #{now} #{cpu} #{Process.pid}")
  end

  def self.say(line)
    File.open(ENV.fetch("PEER_REPORT"), "w") { |report| report.syswrite("#{line}\n") }
  end
end

class Work
  include Sidekiq::Worker

  def perform(text)
    Peer.started(text)
  end
end
