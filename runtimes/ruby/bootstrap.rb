# frozen_string_literal: true

# Entry of the managed Ruby runtimes: `ruby --disable-gems bootstrap.rb`, with its link to the host at fd _THAW_LINK_FD.
# Written for Ruby 2.7 and later and its standard library alone. Behaves as aws_lambda_ric, Lambda's published client, does.
boot = Process.clock_gettime(Process::CLOCK_MONOTONIC, :float_millisecond)

require_relative "thaw/runtime"

Thaw::Runtime.new(boot).run
