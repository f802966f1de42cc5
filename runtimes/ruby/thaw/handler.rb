# frozen_string_literal: true

module Thaw
  # The function: `_HANDLER` is file.method or file.Class.method.
  class Handler
    FORM = "must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME corresponds with an existing Ruby " \
           "source file FILENAME.rb, CLASS is an optional module/class namespace and METHOD is a callable method. " \
           "If using CLASS, METHOD must be a class-level method."

    # Loads the file. Raises what its code raises.
    def initialize(name)
      parts = name.split(".")
      raise ArgumentError, "Invalid handler #{parts}, #{FORM}" unless [2, 3].include?(parts.size)

      file, *@owner, @method = parts
      require file
    end

    def call(event, context)
      receiver = @owner.empty? ? TOPLEVEL_BINDING.receiver : Kernel.const_get(@owner.first)
      receiver.__send__(@method, event: event, context: context)
    end
  end
end
