# frozen_string_literal: true

module AwsLambda
  # How events and answers become bytes. Lambda lets functions replace both methods ("AWS Lambda function handler in Ruby").
  class Marshaller
    class << self
      # The event that the handler gets. raw_request: ["Header"] and body.
      def marshall_request(raw_request)
        JSON.parse(raw_request.body)
      end

      # The answer's text, or [StringIO or IO, content type] for one that is no JSON.
      def marshall_response(method_response)
        readable = defined?(StringIO) && method_response.is_a?(StringIO)
        return [method_response, "application/unknown"] if readable || method_response.is_a?(IO)

        method_response.to_json
      end
    end
  end
end
