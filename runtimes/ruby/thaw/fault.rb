# frozen_string_literal: true

module Thaw
  # A failure as Lambda's Ruby runtimes report it: the document that the caller gets, and its type for the platform.
  class Fault
    # Classes that are named to the platform; all others are "Function<UserException>".
    NAMED = %w[ArgumentError NoMethodError Exception StandardError NameError LoadError SystemExit SystemStackError].freeze
    MAX_FRAMES = 100
    OWN = "#{File.dirname(__dir__)}/"

    # classification: Function, Runtime or Init.
    def initialize(error, classification)
      @error = error
      @classification = classification
    end

    def type
      NAMED.include?(@error.class.to_s) ? document_type : "Function<UserException>"
    end

    def document
      { errorMessage: message, errorType: document_type, stackTrace: frames }
    end

    private

    def document_type
      "#{@classification}<#{@error.class}>"
    end

    def message
      # Suggestions are part of these messages up to Ruby 3.3; without RubyGems nothing has loaded them.
      require "did_you_mean" if @error.is_a?(NameError) && RUBY_VERSION < "3.4"
      @error.message.to_s.encode("UTF-8", invalid: :replace, undef: :replace)
    rescue StandardError, LoadError
      @error.class.to_s
    end

    # The stack without the bootstrap's own frames, among them those of every require.
    def frames
      lines = (@error.backtrace || []).first(MAX_FRAMES).map(&:to_s)
      lines = lines.reject { |line| line.start_with?(OWN) }
      lines.map { |line| line.encode("UTF-8", invalid: :replace, undef: :replace) }
    end
  end
end
