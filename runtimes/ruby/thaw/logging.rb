# frozen_string_literal: true

require "logger"

module Thaw
  # Loggers that write to stdout or stderr send each record as one message of the log, with the request's id in it, as text
  # or as JSON (Lambda Developer Guide, "Log and monitor Ruby Lambda functions").
  module Logging
    # Where such loggers write to.
    class Sink
      def initialize(log)
        @log = log
      end

      def write(message)
        @log.call(message.to_s)
      end

      def close; end
    end

    class TextFormatter < Logger::Formatter
      def call(severity, time, progname, message)
        head = "#{severity[0]}, [#{time.strftime('%Y-%m-%dT%H:%M:%S.%6N')} ##{Process.pid}] #{severity.rjust(5)}"
        text = "#{head} #{$_global_aws_request_id} -- #{progname}: #{msg2str(message)}\n"
        text.encode("UTF-8", invalid: :replace, undef: :replace)
      end
    end

    class JsonFormatter < Logger::Formatter
      def call(severity, time, progname, message)
        text = message.is_a?(Exception) ? message.message : msg2str(message)
        record = { timestamp: time.getutc.strftime("%Y-%m-%dT%H:%M:%S.%6NZ"), level: severity, message: utf8(text) }
        record[:requestId] = $_global_aws_request_id
        record[:logger] = utf8(progname) unless progname.to_s.empty?
        record.merge!(failure(message)) if message.is_a?(Exception)
        "#{JSON.generate(record.compact)}\n"
      end

      private

      def failure(error)
        trace = (error.backtrace || []).map { |line| utf8(line) }
        { errorType: error.class.to_s, errorMessage: utf8(error.message), stackTrace: trace, location: trace.first }
      end

      def utf8(value)
        value.to_s.encode("UTF-8", invalid: :replace, undef: :replace)
      end
    end

    LEVELS = { "TRACE" => "DEBUG", "DEBUG" => "DEBUG", "INFO" => "INFO", "WARN" => "WARN", "ERROR" => "ERROR", "FATAL" => "FATAL" }.freeze

    class << self
      def install(as_json, level, &log)
        sink = Sink.new(log)
        formatter = as_json ? JsonFormatter.new : TextFormatter.new
        threshold = LEVELS[level.upcase]
        Logger.prepend(Module.new do
          define_method(:initialize) do |device = nil, *arguments, **options|
            ours = device.nil? || device.equal?($stdout) || device.equal?($stderr)
            options = { level: threshold }.merge(options) if ours && threshold
            super(ours ? sink : device, *arguments, **options)
            @default_formatter = formatter if ours
          end
        end)
      end
    end
  end
end
