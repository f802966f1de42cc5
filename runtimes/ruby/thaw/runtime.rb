# frozen_string_literal: true

require "json"
require_relative "context"
require_relative "fault"
require_relative "handler"
require_relative "link"
require_relative "marshaller"
require_relative "raw_output"
require_relative "requiring"
require_relative "snapshot"

module Thaw
  # One invocation after another over the link.
  class Runtime
    # most bytes of an answer (Lambda quotas, "Invocation payload": 6 MB, and 100 bytes on top)
    MAX_RESPONSE_BYTES = 6_291_556
    TOO_LARGE = "Function.ResponseSizeTooLarge"
    # exit codes of Lambda's own client
    INIT_FAILED = 252
    CRITICAL = 255

    # An event with its headers, as functions that replace AwsLambda::Marshaller see it.
    Request = Struct.new(:headers, :body) do
      def [](name)
        name == "Content-Type" ? "application/json" : headers[name]
      end
    end

    # boot: the first instruction, milliseconds of CLOCK_MONOTONIC.
    def initialize(boot)
      @boot = boot
      @link = Link.new(Integer(ENV.delete("_THAW_LINK_FD")))
      @raw = RawOutput.new
      @pid = Process.pid
      @stream = 0
      $_global_aws_request_id = nil
    end

    # Loads the function and serves until the host closes the link. A process that is copied before it has a function
    # waits for the first frame of its copies instead, which have one to load.
    def run
      template = ENV.delete("_THAW_TEMPLATE")
      @bare = ENV.delete("_THAW_BARE") == "1"
      set_up_output
      Snapshot.watch if template
      @bare ? ready(@boot, now) : load_function(@boot)
      serve
    end

    private

    def load_function(boot)
      set_up_logger
      Requiring.install
      root = ENV.fetch("LAMBDA_TASK_ROOT", Dir.pwd)
      $LOAD_PATH.unshift(root) unless $LOAD_PATH.include?(root)
      load = now
      begin
        @handler = Handler.new(ENV.fetch("_HANDLER", ""))
      rescue Exception => error # of the function's own code, a LoadError and a call of exit among them
        fail_init(error, "Init error when loading handler #{ENV['_HANDLER']}", Link::INIT_ERROR)
      end
      ready(boot, load)
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC, :float_millisecond)
    end

    def set_up_output
      @raw.watch
      runtime = self
      # As Lambda's client does: what is put is one message, whatever lines it has. $stdout.puts stays what it is.
      puts_whole = Module.new do
        define_method(:puts) do |*things|
          runtime.log("#{things.flatten.map { |thing| thing.to_s.encode('UTF-8') }.join("\n")}\n")
        end
        private :puts
      end
      Object.prepend(puts_whole)
    end

    def set_up_logger
      runtime = self
      as_json = ENV.fetch("AWS_LAMBDA_LOG_FORMAT", "").casecmp?("JSON")
      level = ENV.fetch("AWS_LAMBDA_LOG_LEVEL", "")
      Requiring.after("logger") do
        require_relative "logging"
        Logging.install(as_json, level) { |message| runtime.log(message) }
      end
    end

    def ready(boot, load)
      marks = { boot: boot, load: load, loaded: now }
      @link.send_frame(Link::READY, raw_flag, 0, JSON.generate(marks))
    end

    def raw_flag
      @raw.take ? Link::RAW_FLAG : 0
    end

    def serve
      while (frame = @link.receive)
        type, stream, payload = frame
        case type
        when Link::INVOKE then invoke(stream, payload)
        when Link::PREPARE then prepare
        when Link::RESUME then resume(payload)
        else raise IOError, "unexpected frame of type #{type}"
        end
      end
    end

    def invoke(stream, payload)
      head_end = 2 + payload.unpack1("v")
      headers = payload.byteslice(2...head_end).force_encoding("UTF-8").split("\r\n").to_h { |line| line.split(": ", 2) }
      begin_invocation(stream, headers)
      body = payload.byteslice(head_end, payload.bytesize).force_encoding("UTF-8")
      answer(Request.new(headers, body))
    rescue NoMethodError, NameError => error
      fail_invocation(error, "Critical exception from handler", CRITICAL)
    rescue StandardError => error
      fail_invocation(error, "Error raised from handler method")
    rescue Exception => error # exit, SystemStackError, NoMemoryError: the process ends after it, as Lambda's does
      fail_invocation(error, "Critical exception from handler", CRITICAL)
    end

    def begin_invocation(stream, headers)
      @stream = stream
      $_global_aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
      ENV["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"]
      timeout = headers.delete("Lambda-Runtime-Timeout-Ms") or return
      # A copy had this event before it was ready: its time begins now.
      epoch = Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)
      headers["Lambda-Runtime-Deadline-Ms"] = (epoch + timeout.to_i).to_s
    end

    def answer(request)
      result = @handler.call(AwsLambda::Marshaller.marshall_request(request), LambdaContext.new(request))
      content, = AwsLambda::Marshaller.marshall_response(result)
      content = content.read || "" if content.respond_to?(:read)
      return refuse if content.bytesize > MAX_RESPONSE_BYTES

      @link.send_frame(Link::RESPONSE, Link::READY_FLAG | raw_flag, end_invocation, content)
    end

    # The stream is closed as soon as the answer is on its way.
    def end_invocation
      stream = @stream
      @stream = 0
      stream
    end

    def refuse
      message = "Response payload size exceeded maximum allowed payload size (#{MAX_RESPONSE_BYTES} bytes)."
      document = JSON.generate({ errorType: TOO_LARGE, errorMessage: message })
      @link.send_error(Link::ERROR, Link::READY_FLAG | raw_flag, end_invocation, TOO_LARGE, document)
    end

    # With an exit code the answer is the process's last.
    def fail_invocation(error, message, exit_code = nil)
      raise error if @stream.zero? # a failure of the link itself

      fault = Fault.new(error, "Function")
      report(fault, message)
      flags = raw_flag | (exit_code ? 0 : Link::READY_FLAG)
      @link.send_error(Link::ERROR, flags, end_invocation, fault.type, JSON.generate(fault.document))
      exit(exit_code) if exit_code
    end

    def fail_init(error, message, type)
      fault = Fault.new(error, "Init")
      report(fault, message)
      @link.send_error(type, raw_flag, 0, fault.type, JSON.generate(fault.document))
      exit(INIT_FAILED)
    end

    def report(fault, message)
      log("#{message}\n")
      log("#{JSON.pretty_generate(fault.document)}\n")
    end

    # Before the first event of a process that will be copied. The read that follows is where copies wake.
    def prepare
      drew = Snapshot.prepare
    rescue Exception => error
      fail_init(error, "A hook before the snapshot failed", Link::INIT_ERROR)
    else
      @link.send_frame(Link::PREPARED, raw_flag, 0, JSON.generate({ drew: drew }))
    end

    # The first frame that a copy reads.
    def resume(payload)
      woke = now
      @pid = Process.pid
      return resume_bare(payload, woke) if @bare

      begin
        JSON.parse(payload).fetch("env", {}).each { |name, value| ENV[name] = value }
        Snapshot.make_unique
        load = now
        Snapshot.run_after_restore
      rescue Exception => error
        fail_init(error, "A hook after the restore failed", Link::RESTORE_ERROR)
      end
      ready(woke, load)
    end

    # A copy made without a function: gets all of its variables and loads it. The agent's own variable stays.
    def resume_bare(payload, woke)
      document = JSON.parse(payload)
      raise IOError, "a copy without a function is to load none" unless document["load"]

      ENV.replace({ "AWS_LAMBDA_RUNTIME_API" => ENV["AWS_LAMBDA_RUNTIME_API"] }.compact.merge(document.fetch("env")))
      Dir.chdir(ENV.fetch("LAMBDA_TASK_ROOT", Dir.pwd))
      Snapshot.make_unique
      load_function(woke)
    end

    public

    # Sends one message of the log. A forked child cannot know whether the invocation has been answered meanwhile: its
    # messages belong to none.
    def log(message)
      @link.log(Process.pid == @pid ? @stream : 0, message)
    end
  end
end
